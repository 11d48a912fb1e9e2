"""`coldwatch dead-letters` against moto: no letter is deleted before what it stands for has been sent."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from coldwatch.telemetry.envelope import StreamRecord, open_envelope
from coldwatch_ops.errors import DeclinedError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Clients, Stack
from coldwatch_ops.stream import envelope
from tests.integration.ops_stack import Person, deployed, on_the_stream, payload_of, run

SHARD = "shardId-000000000000"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def send(stack: Stack, output: str, document: Any) -> None:
    body = document if isinstance(document, str) else json.dumps(document)
    stack.clients.sqs.send_message(QueueUrl=stack.output(output), MessageBody=body)


def waiting(stack: Stack, output: str) -> int:
    """Letters that anybody can take, now."""
    names: Any = ["ApproximateNumberOfMessages"]
    found = stack.clients.sqs.get_queue_attributes(QueueUrl=stack.output(output), AttributeNames=names)
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def rule_error(payload: bytes, *, topic: str = "dt/coldchain/acme-fridge-1/telemetry", **more: Any) -> dict[str, Any]:
    return {
        "ruleName": "coldwatch_coldchain_telemetry",
        "topic": topic,
        "cloudwatchTraceId": "trace-1",
        "clientId": "acme-fridge-1",
        "base64OriginalPayload": base64.b64encode(payload).decode(),
        "failures": [{"failedAction": "KinesisAction", "failedResource": "s", "errorMessage": "AccessDenied"}],
    } | more


def put(stack: Stack, data: bytes, key: str = "acme-fridge-1") -> str:
    """Its sequence number."""
    name = stack.output("TelemetryStreamName")
    return stack.clients.kinesis.put_record(StreamName=name, Data=data, PartitionKey=key)["SequenceNumber"]


def failed_batch(*sequences: str, size: int | None = None) -> dict[str, Any]:
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 6},
        "KinesisBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": sequences[0],
            "endSequenceNumber": sequences[-1],
            "batchSize": len(sequences) if size is None else size,
        },
    }


def message(text: bytes) -> bytes:
    return envelope(
        payload=text,
        topic="dt/coldchain/acme-fridge-1/telemetry",
        thing="acme-fridge-1",
        application="coldchain",
        client_id="acme-fridge-1",
        received_at=1,
    ).data


def test_letters_are_listed_with_their_reasons_and_left_where_they_are(stack: Stack) -> None:
    send(stack, "RuleErrorQueueUrl", rule_error(b"{}"))
    send(stack, "StoreTelemetryDeadLetterQueueUrl", failed_batch("1", "2"))
    send(stack, "RuleErrorQueueUrl", "garbage \x1b")

    document = run(stack, "dead-letters", "list").document
    again = run(stack, "dead-letters", "list", "rule-errors").document

    kinds = sorted(letter["kind"] for letter in document["rule-errors"])
    assert kinds == ["rule_error", "unreadable"]
    assert document["store-telemetry"][0]["records"] == 2
    assert document["presence"] == []
    assert len(again["rule-errors"]) == 2
    [error] = [letter for letter in again["rule-errors"] if letter["kind"] == "rule_error"]
    assert error["failures"] == ["KinesisAction: AccessDenied"]


def test_a_rule_error_reaches_the_stream_as_the_rule_would_have_put_it(stack: Stack) -> None:
    send(stack, "RuleErrorQueueUrl", rule_error(b"\xff raw", topic="$aws/rules/r/dt/factory/acme-machine-1/telemetry"))

    answer = run(stack, "dead-letters", "redrive", "rule-errors")

    [found] = on_the_stream(stack)
    assert payload_of(found) == b"\xff raw"
    assert (found["thing"], found["application"]) == ("acme-machine-1", "factory")
    assert found["partition_key"] == "acme-machine-1"
    assert found["topic"] == "dt/factory/acme-machine-1/telemetry"
    assert found["trace_id"] == "trace-1"
    assert found["received_at"] > 1_700_000_000_000
    assert "origin" not in found
    assert answer.exit_code is ExitCode.OK
    assert waiting(stack, "RuleErrorQueueUrl") == 0


def test_the_topic_prefix_in_force_stands_before_the_topic(stack: Stack) -> None:
    prefixed = replace(stack, outputs={**stack.outputs, "TopicPrefixInForce": ".staging/"})
    send(prefixed, "RuleErrorQueueUrl", rule_error(b"{}", topic="staging/dt/coldchain/acme-fridge-1/telemetry"))
    send(prefixed, "RuleErrorQueueUrl", rule_error(b"{}", topic="dt/coldchain/acme-fridge-1/telemetry"))

    answer = run(prefixed, "dead-letters", "redrive", "rule-errors")

    assert [found["topic"] for found in on_the_stream(prefixed)] == ["staging/dt/coldchain/acme-fridge-1/telemetry"]
    [why] = answer.document["left"].values()
    assert "not one of telemetry" in why


def test_an_unreadable_letter_stays_and_is_named(stack: Stack) -> None:
    send(stack, "RuleErrorQueueUrl", rule_error(b"", base64OriginalPayload="!!"))
    send(stack, "RuleErrorQueueUrl", "[1, 2]")

    answer = run(stack, "dead-letters", "redrive", "rule-errors")

    assert len(answer.document["left"]) == 2
    assert answer.exit_code is ExitCode.FAILED
    assert waiting(stack, "RuleErrorQueueUrl") == 2


def test_a_letter_whose_message_the_stream_refuses_is_kept(stack: Stack) -> None:
    send(stack, "RuleErrorQueueUrl", rule_error(b"{}"))
    throttled = with_client(stack, kinesis=ThrottledKinesis())
    person = Person()

    answer = run(throttled, "dead-letters", "redrive", "rule-errors", person=person)

    assert answer.exit_code is ExitCode.FAILED
    assert waiting(stack, "RuleErrorQueueUrl") == 1
    assert person.waited_s > 5


def test_a_given_up_batch_is_put_again_between_its_first_and_last_record(stack: Stack) -> None:
    put(stack, message(b"before"))
    sequences = [put(stack, message(text)) for text in (b"one", b"two", b"three")]
    put(stack, message(b"after"))
    send(stack, "StoreTelemetryDeadLetterQueueUrl", failed_batch(*sequences))

    answer = run(stack, "dead-letters", "redrive", "store-telemetry")

    again = on_the_stream(stack)[5:]
    assert [payload_of(found) for found in again] == [b"one", b"two", b"three"]
    assert [found["origin"] for found in again] == [f"{SHARD}:{sequence}" for sequence in sequences]
    assert answer.document["messages"] == 3
    assert waiting(stack, "StoreTelemetryDeadLetterQueueUrl") == 0


def test_a_message_that_was_given_up_again_keeps_its_origin_and_names_what_was_given_up(
    stack: Stack,
) -> None:
    redriven = json.loads(message(b"x")) | {"origin": "shardId-000000000009:5", "redrive_of": "shardId-000000000009-5"}
    redriven["instead_of"] = ["shardId-000000000000:7"]
    sequence = put(stack, json.dumps(redriven).encode())
    send(stack, "StoreTelemetryDeadLetterQueueUrl", failed_batch(sequence))

    run(stack, "dead-letters", "redrive", "store-telemetry")

    again = on_the_stream(stack)[1]
    assert again["origin"] == "shardId-000000000009:5"
    assert again["instead_of"] == ["shardId-000000000000:7", f"{SHARD}:{sequence}"]


def test_a_bare_record_is_put_again_as_a_message_of_its_publisher(stack: Stack) -> None:
    stack.table("DeviceTableName").put_item(Item={"device_id": "acme-machine-1", "application": "factory"})
    sequence = put(stack, b'{"value": 1}', key="acme-machine-1")
    send(stack, "StoreTelemetryDeadLetterQueueUrl", failed_batch(sequence))

    run(stack, "dead-letters", "redrive", "store-telemetry")

    again = on_the_stream(stack)[1]
    assert payload_of(again) == b'{"value": 1}'
    assert again["application"] == "factory"
    assert again["origin"] == f"{SHARD}:{sequence}"


def test_a_batch_with_records_gone_from_the_stream_is_sent_only_when_told_so(stack: Stack) -> None:
    sequence = put(stack, message(b"one"))
    send(stack, "StoreTelemetryDeadLetterQueueUrl", failed_batch(sequence, size=5))

    refused = run(stack, "dead-letters", "redrive", "store-telemetry")
    kept = waiting(stack, "StoreTelemetryDeadLetterQueueUrl")
    accepted = run(stack, "dead-letters", "redrive", "store-telemetry", "--accept-missing")

    assert "only 1 of its 5 records" in next(iter(refused.document["left"].values()))
    assert kept == 1
    assert accepted.document["messages"] == 1
    assert waiting(stack, "StoreTelemetryDeadLetterQueueUrl") == 0


def test_a_presence_event_goes_to_the_function_that_records_presence(stack: Stack) -> None:
    event = {"clientId": "acme-fridge-1", "eventType": "connected", "versionNumber": 3}
    send(stack, "PresenceDeadLetterQueueUrl", {"requestPayload": event, "requestContext": {"condition": "x"}})
    lost = rule_error(json.dumps(event).encode(), topic="$aws/events/presence/connected/acme-fridge-1")
    send(stack, "RuleErrorQueueUrl", lost)
    lambda_ = FakeLambda()
    outputs = {**stack.outputs, "RecordPresenceFunctionName": "record_presence"}
    answering = replace(with_client(stack, lambda_=lambda_), outputs=outputs)

    run(answering, "dead-letters", "redrive", "presence")
    run(answering, "dead-letters", "redrive", "rule-errors")

    assert [json.loads(call["Payload"]) for call in lambda_.calls] == [event, event]
    assert {call["FunctionName"] for call in lambda_.calls} == {"record_presence"}
    assert on_the_stream(stack) == []


def test_many_letters_are_redriven_only_after_asking(stack: Stack) -> None:
    for _ in range(11):
        send(stack, "RuleErrorQueueUrl", rule_error(b"{}"))

    with pytest.raises(DeclinedError):
        run(stack, "dead-letters", "redrive", "rule-errors", person=Person("no"))
    answer = run(stack, "dead-letters", "redrive", "rule-errors", "--yes")

    assert len(answer.document["redriven"]) == 11


def test_the_store_reads_the_origin_of_a_batch_that_was_given_up(stack: Stack) -> None:
    sequence = put(stack, message(b"one"))
    send(stack, "StoreTelemetryDeadLetterQueueUrl", failed_batch(sequence))

    run(stack, "dead-letters", "redrive", "store-telemetry")

    again = json.dumps({k: v for k, v in on_the_stream(stack)[1].items() if k != "partition_key"}).encode()
    opened = open_envelope(StreamRecord(f"{SHARD}:9", SHARD, "9", "acme-fridge-1", again, 1))
    assert opened.payload == b"one"
    assert opened.origin == f"{SHARD}:{sequence}"


class ThrottledKinesis:
    def put_records(self, *, Records: list[Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's own name
        code = "ProvisionedThroughputExceededException"
        return {"Records": [{"ErrorCode": code, "ErrorMessage": "slow down"} for _ in Records]}


class FakeLambda:
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> None:
        self.calls.append(call)


def with_client(stack: Stack, **fakes: Any) -> Stack:
    """The stack with some of its clients replaced."""

    class Replaced:
        def __getattr__(self, name: str) -> Any:
            return fakes.get(name) or getattr(stack.clients, name)

    return replace(stack, clients=cast("Clients", Replaced()))
