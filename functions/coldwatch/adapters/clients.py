"""AWS clients, made once per function environment."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client

# The functions' time-outs are seconds: a hanging connection must fail soon enough to be tried again.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
    tcp_keepalive=True,
)


@cache
def dynamodb_client() -> DynamoDBClient:
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def firehose_client() -> FirehoseClient:
    return boto3.client("firehose", config=_CONFIG)


@cache
def s3_client() -> S3Client:
    return boto3.client("s3", config=_CONFIG)
