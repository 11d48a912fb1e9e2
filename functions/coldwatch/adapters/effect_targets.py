"""What effects set off: functions, topics, queues, streams and tables.

The function's role names which of them it may reach. `lambda` reaches the functions of Coldwatch itself and no others;
`iotEvents` and `iotSiteWise` are refused.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from coldwatch.adapters import clients
from coldwatch.detection.errors import EffectError, TargetFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_iot_data import IoTDataPlaneClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

    from coldwatch.detection.effect import Effect

_SHOWN: Final = 500
"""Of a function's error message; it may repeat what a device sent."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Made when they are first needed: most installations use one of them."""

    functions: Callable[[], LambdaClient] = clients.lambda_client
    broker: Callable[[], IoTDataPlaneClient] = lambda: clients.target_client("iot-data")
    topics: Callable[[], SNSClient] = lambda: clients.target_client("sns")
    queues: Callable[[], SQSClient] = lambda: clients.target_client("sqs")
    archive: Callable[[], FirehoseClient] = lambda: clients.target_client("firehose")
    tables: Callable[[], DynamoDBClient] = lambda: clients.target_client("dynamodb")


@dataclass(frozen=True, slots=True)
class AwsEffectTargets:
    """`ports.EffectTargets`. `functions` gives the physical name of each function that a model may name."""

    functions: Mapping[str, str]
    topic_prefix: str
    clients: Clients

    def carry_out(self, effect: Effect) -> None:
        match effect.action.type:
            case "lambda":
                self._invoke(effect)
            case "iotTopicPublish":
                topic = self.topic_prefix + str(effect.action.fields["mqttTopic"])
                self.clients.broker().publish(topic=topic, qos=1, payload=_text(effect).encode())
            case "sns":
                self.clients.topics().publish(TargetArn=effect.action.fields["targetArn"], Message=_text(effect))
            case "sqs":
                self._send(effect)
            case "firehose":
                self._archive(effect)
            case "dynamoDB":
                self._store_whole(effect)
            case "dynamoDBv2":
                self._store_members(effect)
            case other:
                raise EffectError(
                    f"{effect.detector_model}, event {effect.event_name!r}: the action {other!r} is not carried out"
                    " here. Use lambda, iotTopicPublish, sns, sqs, firehose, dynamoDB or dynamoDBv2 in its place."
                )

    def _invoke(self, effect: Effect) -> None:
        """Wait for the answer: an effect is done when its function has done its part, not when it was told to."""
        name = function_name(str(effect.action.fields["functionArn"]))
        if name not in self.functions:
            known = " and ".join(sorted(self.functions))
            raise EffectError(
                f"{effect.detector_model}, event {effect.event_name!r}: it may invoke {known}, not {name!r}. To reach"
                " another function, let the action publish to a topic or a queue that starts it."
            )
        answer = self.clients.functions().invoke(
            FunctionName=self.functions[name],
            InvocationType="RequestResponse",
            Payload=msgspec.json.encode(invocation_event(effect)),
        )
        if "FunctionError" in answer:
            said = answer["Payload"].read()[:_SHOWN].decode(errors="replace")
            raise TargetFailedError(f"{name} failed on effect {effect.effect_id}: {said}")

    def _send(self, effect: Effect) -> None:
        body = _text(effect)
        if effect.action.fields.get("useBase64"):
            body = base64.b64encode(body.encode()).decode()
        self.clients.queues().send_message(QueueUrl=effect.action.fields["queueUrl"], MessageBody=body)

    def _archive(self, effect: Effect) -> None:
        fields = effect.action.fields
        line = _text(effect) + str(fields.get("separator", ""))
        self.clients.archive().put_record(
            DeliveryStreamName=fields["deliveryStreamName"], Record={"Data": line.encode()}
        )

    def _store_whole(self, effect: Effect) -> None:
        """The whole payload in one attribute, as the service did: text as bytes, under a name that says so."""
        fields, payload = effect.action.fields, effect.action.payload
        key = _table_key(effect)
        operation, table = str(fields.get("operation", "INSERT")).upper(), str(fields["tableName"])
        name = str(fields.get("payloadField", "payload"))
        if isinstance(payload, str):
            name, value = f"{name}_raw", {"B": payload.encode()}
        else:
            value = _attribute(payload)
        match operation:
            case "INSERT":
                self.clients.tables().put_item(TableName=table, Item=key | {name: value})
            case "UPDATE":
                self.clients.tables().update_item(
                    TableName=table,
                    Key=key,
                    UpdateExpression="SET #payload = :payload",
                    ExpressionAttributeNames={"#payload": name},
                    ExpressionAttributeValues={":payload": value},
                )
            case "DELETE":
                self.clients.tables().delete_item(TableName=table, Key=key)
            case _:
                raise EffectError(f"{effect.detector_model}: dynamoDB cannot {operation!r}; INSERT, UPDATE or DELETE.")

    def _store_members(self, effect: Effect) -> None:
        payload = effect.action.payload
        if not isinstance(payload, dict):
            raise EffectError(
                f"{effect.detector_model}, event {effect.event_name!r}: dynamoDBv2 makes an attribute of each member,"
                " and its payload is no JSON object."
            )
        item = {name: _attribute(value) for name, value in payload.items()}
        self.clients.tables().put_item(TableName=str(effect.action.fields["tableName"]), Item=item)


def function_name(arn: str) -> str:
    """The name in a function's ARN, or a plain name.

    >>> function_name("arn:aws:lambda:us-east-1:123456789012:function:open_incident:live")
    'open_incident'
    """
    return arn.split(":")[6] if arn.startswith("arn:") and arn.count(":") >= 6 else arn


def invocation_event(effect: Effect) -> dict[str, Any]:
    """The action's own payload, as the service invoked functions with it, and what Coldwatch knows besides."""
    payload = effect.action.payload
    if not isinstance(payload, dict):
        raise EffectError(
            f"{effect.detector_model}, event {effect.event_name!r}: opening and recovering incidents takes the default"
            " payload. Take the `payload` off the lambda action."
        )
    own = {
        name: getattr(effect, name)
        for name in (
            *("effect_id", "detector_model", "key", "device_id", "application"),
            *("occurred_at", "clock", "event_name", "profile"),
        )
    }
    return {**payload, "coldwatch": own}


def _text(effect: Effect) -> str:
    payload = effect.action.payload
    return payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()


def _table_key(effect: Effect) -> dict[str, Any]:
    fields = effect.action.fields
    return {
        str(fields[f"{part}KeyField"]): {_KEY_TYPES.get(fields.get(f"{part}KeyType"), "S"): _key_text(value)}
        for part in ("hash", "range")
        if (value := fields.get(f"{part}KeyValue")) is not None and f"{part}KeyField" in fields
    }


_KEY_TYPES: Final[Mapping[Any, str]] = {"NUMBER": "N", "STRING": "S", None: "S"}


def _key_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _attribute(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case dict():
            return {"M": {name: _attribute(member) for name, member in value.items()}}
        case list():
            return {"L": [_attribute(member) for member in value]}
        case _:
            return {"N": repr(value)}
