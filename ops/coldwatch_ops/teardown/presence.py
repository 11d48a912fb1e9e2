"""Is it still there? One question per type of resource, for everything a person would look for afterwards."""

from collections.abc import Callable

from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.stack import Clients
from coldwatch_ops.teardown.parts import (
    BUCKET,
    CERTIFICATE,
    FUNCTION,
    LOG_GROUP,
    POLICY,
    TABLE,
    THING,
    THING_GROUP,
    THING_TYPE,
)

_GONE = {
    "404",
    "NoSuchBucket",
    "NotFound",
    "ResourceNotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
}


def _log_group_exists(clients: Clients, name: str) -> bool:
    pages = clients.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return any(group["logGroupName"] == name for page in pages for group in page["logGroups"])


def _raises_nothing(question: Callable[[], object]) -> bool:
    try:
        question()
    except aws_exceptions() as error:
        if error_code(error) not in _GONE:
            raise
        return False
    return True


_QUESTIONS: dict[str, Callable[[Clients, str], object]] = {
    BUCKET: lambda clients, name: clients.s3.head_bucket(Bucket=name),
    TABLE: lambda clients, name: clients.dynamodb.meta.client.describe_table(TableName=name),
    FUNCTION: lambda clients, name: clients.lambda_.get_function(FunctionName=name),
    THING: lambda clients, name: clients.iot.describe_thing(thingName=name),
    CERTIFICATE: lambda clients, name: clients.iot.describe_certificate(certificateId=name),
    THING_TYPE: lambda clients, name: clients.iot.describe_thing_type(thingTypeName=name),
    THING_GROUP: lambda clients, name: clients.iot.describe_thing_group(thingGroupName=name),
    POLICY: lambda clients, name: clients.iot.get_policy(policyName=name),
    "AWS::IoT::ProvisioningTemplate": lambda clients, name: clients.iot.describe_provisioning_template(
        templateName=name
    ),
    "AWS::Kinesis::Stream": lambda clients, name: clients.kinesis.describe_stream_summary(StreamName=name),
    "AWS::SQS::Queue": lambda clients, url: clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
}


def exists(clients: Clients, part_type: str, physical_id: str) -> bool:
    """False also for a type that leaves nothing behind once CloudFormation reports it deleted."""
    if part_type == LOG_GROUP:
        return _log_group_exists(clients, physical_id)
    question = _QUESTIONS.get(part_type)
    return question is not None and _raises_nothing(lambda: question(clients, physical_id))
