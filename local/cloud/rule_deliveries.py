"""What each action of a topic rule does with its message: one function for each type, raising when it fails.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-rule-actions.html
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ministack.core.responses import request_scope
from ministack.services import firehose, iot, kinesis, lambda_svc, s3, sns, stepfunctions

from local.cloud.rule_message import encode

_KEY_CHARACTERS = 256
_RECORD_BYTES = 1_048_576
"""Limits of PutRecord: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html"""


class RuleActionError(RuntimeError):
    """The action failed; the message is the errorMessage that the rule's errorAction gets."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One action about to be carried out."""

    account_id: str
    region: str
    rule_name: str
    action_type: str
    fields: dict[str, Any]
    """The action's fields with their substitution templates expanded."""
    event: Any
    """The SELECT clause's result: a JSON value, or bytes."""

    def field(self, name: str) -> str:
        """A field the action cannot do without."""
        value = self.fields.get(name)
        if not value or not isinstance(value, str):
            raise RuleActionError(f"the {self.action_type} action of rule {self.rule_name} has no {name}")
        return value

    def text(self) -> str:
        """The event as text, for targets that hold no bytes."""
        try:
            return encode(self.event).decode()
        except UnicodeDecodeError:
            raise RuleActionError(
                f"the {self.action_type} action takes text, and the payload is not UTF-8: encode it in the rule's SQL"
            ) from None


async def put_kinesis_record(delivery: Delivery) -> None:
    """By the shortest way MiniStack has, which checks nothing; what breaks a limit is told by PutRecord itself."""
    name, key, data = delivery.field("streamName"), delivery.field("partitionKey"), encode(delivery.event)
    with request_scope(delivery.account_id, delivery.region):
        stream = kinesis._streams.get(name)  # noqa: SLF001 - the streams' only store
        takes = stream is not None and len(key) <= _KEY_CHARACTERS and len(data) <= _RECORD_BYTES
        if takes and kinesis.put_record_internal(stream["StreamARN"], key, data):
            firehose.ingest_from_kinesis_source(stream["StreamARN"], [(key, data)])
            return
        record = {"StreamName": name, "PartitionKey": key, "Data": base64.b64encode(data).decode()}
        _check(kinesis._put_record(record), f"put a record into Kinesis stream {name}")  # noqa: SLF001 - the whole of PutRecord, without HTTP


async def put_firehose_record(delivery: Delivery) -> None:
    name = delivery.field("deliveryStreamName")
    data = encode(delivery.event) + str(delivery.fields.get("separator") or "").encode()
    record = {"DeliveryStreamName": name, "Record": {"Data": base64.b64encode(data).decode()}}
    with request_scope(delivery.account_id, delivery.region):
        _check(firehose._put_record(record), f"put a record into Firehose stream {name}")  # noqa: SLF001 - likewise


async def put_object(delivery: Delivery) -> None:
    bucket, key = delivery.field("bucketName"), delivery.field("key")
    headers = {"x-amz-acl": delivery.fields["cannedAcl"]} if delivery.fields.get("cannedAcl") else {}
    with request_scope(delivery.account_id, delivery.region):
        _check(s3._put_object(bucket, key, encode(delivery.event), headers), f"put S3 object {bucket}/{key}")  # noqa: SLF001 - likewise


async def start_execution(delivery: Delivery) -> None:
    """The execution's name is the prefix and a UUID, as documented; without a prefix, a UUID."""
    request = {
        "stateMachineArn": state_machine_arn(delivery),
        "input": delivery.text(),
        "name": f"{delivery.fields.get('executionNamePrefix') or ''}{uuid4()}",
    }
    with request_scope(delivery.account_id, delivery.region):
        _check(stepfunctions._start_execution(request), f"start {request['stateMachineArn']}")  # noqa: SLF001 - likewise


def state_machine_arn(delivery: Delivery) -> str:
    """The action names its state machine; IAM and Step Functions want its ARN."""
    name = delivery.field("stateMachineName")
    return f"arn:aws:states:{delivery.region}:{delivery.account_id}:stateMachine:{name}"


async def send_message(delivery: Delivery) -> None:
    queue_url = delivery.field("queueUrl")
    if queue_url.endswith(".fifo"):
        raise RuleActionError(f"SQS queue {queue_url} is FIFO, which rule actions do not support")
    body = base64.b64encode(encode(delivery.event)).decode() if delivery.fields.get("useBase64") else delivery.text()
    iot._dispatch_rule_sqs(  # noqa: SLF001 - MiniStack's own action, given its body as text
        delivery.account_id, delivery.region, delivery.rule_name, {"queueUrl": queue_url}, body
    )


async def publish_notification(delivery: Delivery) -> None:
    target = delivery.field("targetArn")
    with request_scope(delivery.account_id, delivery.region):
        if sns.publish_internal(target, delivery.text()) is None:
            raise RuleActionError(f"SNS topic {target} does not exist")


async def republish(delivery: Delivery) -> None:
    topic = republish_topic(delivery)
    depth = iot._republish_depth.get()  # noqa: SLF001 - MiniStack's guard against a chain that feeds itself
    if depth >= iot._MAX_REPUBLISH_DEPTH:  # noqa: SLF001 - likewise
        raise RuleActionError(f"republishing to {topic} would be the {depth + 1}th in one chain of rules")
    token = iot._republish_depth.set(depth + 1)  # noqa: SLF001 - likewise
    try:
        await iot.broker_publish(
            delivery.account_id,
            delivery.region,
            topic,
            encode(delivery.event),
            qos=int(delivery.fields.get("qos") or 0),
            principal=iot._rule_role_principal(delivery.account_id, delivery.fields.get("roleArn") or ""),  # noqa: SLF001 - what principal() tells
        )
    finally:
        iot._republish_depth.reset(token)  # noqa: SLF001 - likewise


def republish_topic(delivery: Delivery) -> str:
    """`$$` at a topic's start stands for the `$` of a reserved topic."""
    topic = delivery.field("topic")
    return topic[1:] if topic.startswith("$$") else topic


async def put_item(delivery: Delivery) -> None:
    put = delivery.fields.get("putItem") or {}
    if not put.get("tableName"):
        raise RuleActionError(f"the dynamoDBv2 action of rule {delivery.rule_name} has no putItem.tableName")
    if not isinstance(delivery.event, dict):
        raise RuleActionError("the dynamoDBv2 action writes a JSON object's members, and the rule selected none")
    iot._dispatch_rule_dynamodb(  # noqa: SLF001 - MiniStack's own action, after what it skips in silence
        delivery.account_id, delivery.region, delivery.rule_name, {"putItem": put}, delivery.event
    )


async def invoke_function(delivery: Delivery) -> None:
    """An asynchronous invocation, with its retries and its dead-letter queue."""
    arn = delivery.field("functionArn")
    if isinstance(delivery.event, bytes):
        raise RuleActionError("the lambda action takes JSON, and the payload is not: encode it in the rule's SQL")
    function, config, _name = lambda_svc._get_func_record_for_ref_in_scope(  # noqa: SLF001 - how MiniStack's own action finds it
        arn, account_id=delivery.account_id, region=delivery.region
    )
    if not function or not config:
        raise RuleActionError(f"Lambda function {arn} does not exist")
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), delivery.event)  # noqa: SLF001 - likewise


DELIVERIES: dict[str, Callable[[Delivery], Awaitable[None]]] = {
    "dynamoDBv2": put_item,
    "firehose": put_firehose_record,
    "kinesis": put_kinesis_record,
    "lambda": invoke_function,
    "republish": republish,
    "s3": put_object,
    "sns": publish_notification,
    "sqs": send_message,
    "stepFunctions": start_execution,
}


def _check(response: tuple[int, Any, Any], what: str) -> None:
    status, _headers, body = response
    if status >= 300:
        raise RuleActionError(f"Failed to {what}. The error received was {_reason(body)}")


def _reason(body: Any) -> str:
    """The service's own words, from JSON or XML."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    try:
        error = json.loads(text)
        return f"{error['__type']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return text
