"""A deployed stack: the names that CloudFormation gave its parts, and the AWS clients to reach them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from coldwatch_ops.errors import FailedError

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.config import Config
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient, DynamoDBServiceResource
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_iot import IoTClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient


class Clients:
    """Each client is made when it is first used, and once."""

    def __init__(self, session: "Session", endpoint_url: str | None, config: "Config") -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        self._config = config

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def dynamodb(self) -> "DynamoDBServiceResource":
        return self._session.resource("dynamodb", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def dynamodb_client(self) -> "DynamoDBClient":
        """Items as DynamoDB has them, for the adapters that the functions use, too."""
        return self._session.client("dynamodb", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def step_functions(self) -> "SFNClient":
        return self._session.client("stepfunctions", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def s3(self) -> "S3Client":
        return self._session.client("s3", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def kinesis(self) -> "KinesisClient":
        return self._session.client("kinesis", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def iot(self) -> "IoTClient":
        return self._session.client("iot", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        return self._session.client("lambda", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def sts(self) -> "STSClient":
        return self._session.client("sts", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def athena(self) -> "AthenaClient":
        return self._session.client("athena", endpoint_url=self._endpoint_url, config=self._config)


@dataclass(frozen=True)
class Account:
    """Where a stack of this name is looked for; there may be none."""

    stack_name: str
    clients: Clients


@dataclass(frozen=True)
class Stack:
    name: str
    stack_id: str
    status: str
    outputs: Mapping[str, str]
    clients: Clients

    def output(self, name: str) -> str:
        try:
            return self.outputs[name]
        except KeyError:
            raise FailedError(
                f"Stack {self.name} has no output {name} (its status is {self.status}): "
                "is it a Coldwatch stack, fully deployed and of this version?"
            ) from None

    def table(self, output_name: str) -> "Table":
        return self.clients.dynamodb.Table(self.output(output_name))

    @property
    def topic_prefix(self) -> str:
        """Empty, or one level with its slash. The output carries a dot before it, since an output may not be empty."""
        return self.outputs.get("TopicPrefixInForce", ".").removeprefix(".")
