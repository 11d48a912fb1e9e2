"""AWS clients, made once per function environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_iot_data import IoTDataPlaneClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


def _config(read_timeout_s: float, *, attempts: int = 4) -> Config:
    """A hanging connection must fail soon enough to be tried again within the function's own time-out."""
    return Config(
        connect_timeout=1,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=16,
        tcp_keepalive=True,
    )


@cache
def dynamodb_client() -> DynamoDBClient:
    """Its answers take milliseconds; the provisioning hook, which has five seconds, depends on a second try."""
    return boto3.client("dynamodb", config=_config(3))


@cache
def firehose_client() -> FirehoseClient:
    return boto3.client("firehose", config=_config(5))


@cache
def s3_client() -> S3Client:
    return boto3.client("s3", config=_config(5))


@cache
def iot_data_client() -> IoTDataPlaneClient:
    return boto3.client("iot-data", config=_config(5))


@cache
def kinesis_client() -> KinesisClient:
    return boto3.client("kinesis", config=_config(5))


@cache
def lambda_client() -> LambdaClient:
    """It waits for the answer of a function that writes a few items. Once: who asks is asked again by its queue."""
    return boto3.client("lambda", config=_config(9, attempts=1))


@cache
def target_client(service: Any) -> Any:
    """Of a service that effects reach: two tries, and no longer than one effect may take."""
    return boto3.client(service, config=_config(4, attempts=2))


@cache
def sns_client() -> SNSClient:
    return boto3.client("sns", config=_config(5))


@cache
def ses_client() -> Any:
    return boto3.client("sesv2", config=_config(5, attempts=2))


@cache
def secrets_client() -> Any:
    return boto3.client("secretsmanager", config=_config(3))


@cache
def events_client() -> EventBridgeClient:
    return boto3.client("events", config=_config(5, attempts=2))


@cache
def sqs_client() -> SQSClient:
    return boto3.client("sqs", config=_config(5))


@cache
def step_functions_client() -> SFNClient:
    return boto3.client("stepfunctions", config=_config(5))
