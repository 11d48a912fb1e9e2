"""`coldwatch dead-letters` against moto: no letter is deleted before what it stands for has been sent."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from rich.table import Table

from coldwatch.adapters.effect_queue import message_group
from coldwatch.commands.response import ResponseMessage, open_message
from coldwatch.detection.effect import encode_effect
from coldwatch.telemetry.envelope import StreamRecord, open_envelope, stream_record
from coldwatch_ops.answer import Answer
from coldwatch_ops.errors import DeclinedError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Clients, Stack
from coldwatch_ops.stream import envelope
from tests.integration.ops_stack import Person, deployed, on_the_stream, payload_of, run
from tests.unit.detection.builders import effect

SHARD = "shardId-000000000000"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def send(stack: Stack, output: str, document: Any) -> None:
    """Each of its own where the queue keeps an order."""
    url = stack.output(output)
    body = document if isinstance(document, str) else json.dumps(document)
    order: Any = {"MessageGroupId": "g", "MessageDeduplicationId": str(hash(body))} if url.endswith(".fifo") else {}
    stack.clients.sqs.send_message(QueueUrl=url, MessageBody=body, **order)


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
    answering = invoking(stack, lambda_, RecordPresenceFunctionName="record_presence")

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


def test_an_effect_goes_back_to_its_queue_in_its_detectors_order(stack: Stack) -> None:
    effects = [effect(index=index) for index in range(2)]
    for each in effects:
        send(stack, "EffectDeadLetterQueueUrl", encode_effect(each))

    listed = run(stack, "dead-letters", "list", "effects").document["effects"]
    answer = run(stack, "dead-letters", "redrive", "effects")

    assert {letter["effect"]["effect_id"] for letter in listed} == {each.effect_id for each in effects}
    sent = taken(stack, "EffectQueueUrl")
    assert {each["Body"] for each in sent} == {encode_effect(each) for each in effects}
    assert {each["Attributes"]["MessageGroupId"] for each in sent} == {message_group(effects[0].detector_id)}
    assert answer.document["messages"] == 2
    assert waiting(stack, "EffectDeadLetterQueueUrl") == 0


def test_an_effect_redriven_within_five_minutes_of_its_first_message_is_not_dropped_by_the_queue(stack: Stack) -> None:
    once = effect()
    url = stack.output("EffectQueueUrl")
    group = message_group(once.detector_id)
    stack.clients.sqs.send_message(
        QueueUrl=url, MessageBody="first", MessageGroupId=group, MessageDeduplicationId=once.effect_id
    )
    [first] = taken(stack, "EffectQueueUrl")
    stack.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    send(stack, "EffectDeadLetterQueueUrl", encode_effect(once))

    run(stack, "dead-letters", "redrive", "effects")

    assert [each["Body"] for each in taken(stack, "EffectQueueUrl")] == [encode_effect(once)]


def test_a_timer_goes_back_to_its_queue(stack: Stack) -> None:
    wake = {"detector_id": "device_silence/acme-fridge-1", "due_ms": 1_795_000_000_000, "attempt": 0}
    send(stack, "TimerDeadLetterQueueUrl", wake)

    told = "\n".join(told_of(run(stack, "dead-letters", "list", "timers")))
    run(stack, "dead-letters", "redrive", "timers")

    assert "device_silence/acme-fridge-1" in told
    assert [json.loads(each["Body"]) for each in taken(stack, "TimerQueueUrl")] == [wake]
    assert waiting(stack, "TimerDeadLetterQueueUrl") == 0


def test_a_missed_start_is_listed_and_discarded_as_its_schedule_goes_on_by_itself(stack: Stack) -> None:
    attributes = {"SCHEDULE_ARN": "arn:aws:scheduler:::schedule/default/Sweep", "ERROR_CODE": "AWS.Lambda.Throttled"}
    stack.clients.sqs.send_message(
        QueueUrl=stack.output("ScheduleDeadLetterQueueUrl"),
        MessageBody="{}",
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )

    [listed] = run(stack, "dead-letters", "list", "schedules").document["schedules"]
    answer = run(stack, "dead-letters", "redrive", "schedules")

    assert (listed["kind"], listed["condition"]) == ("missed_start", "AWS.Lambda.Throttled")
    assert answer.document["messages"] == 0
    assert any("makes the next one by itself" in str(line) for line in answer.told)
    assert waiting(stack, "ScheduleDeadLetterQueueUrl") == 0


def test_a_response_goes_to_the_function_that_records_responses(stack: Stack) -> None:
    event = {"payload": "e30=", "topic": "cmd/acme-fridge-1/response", "thing": "acme-fridge-1", "received_at": 1}
    send(stack, "CommandResponseDeadLetterQueueUrl", {"requestPayload": event, "requestContext": {"condition": "x"}})
    send(stack, "RuleErrorQueueUrl", rule_error(b"{}", topic="cmd/acme-fridge-1/response"))
    lambda_ = FakeLambda()
    answering = invoking(stack, lambda_, RecordCommandResponseFunctionName="record_command_response")

    run(answering, "dead-letters", "redrive", "command-responses")
    run(answering, "dead-letters", "redrive", "rule-errors")

    redriven, undelivered = (json.loads(call["Payload"]) for call in lambda_.calls)
    assert redriven == event
    opened = open_message(undelivered)
    assert isinstance(opened, ResponseMessage)
    assert (opened.thing, opened.payload) == ("acme-fridge-1", b"{}")
    assert {call["FunctionName"] for call in lambda_.calls} == {"record_command_response"}


def test_a_batch_that_detectors_gave_up_is_evaluated_as_of_a_shard_of_its_own_and_not_put_on_the_stream(
    stack: Stack,
) -> None:
    sequences = [put(stack, message(text)) for text in (b"one", b"two")]
    send(stack, "EvaluateDetectorsDeadLetterQueueUrl", failed_batch(*sequences))
    lambda_ = FakeLambda({"batchItemFailures": []})
    evaluating = invoking(stack, lambda_, EvaluateDetectorsFunctionName="evaluate_detectors")

    answer = run(evaluating, "dead-letters", "redrive", "evaluate-detectors")

    [call] = lambda_.calls
    opened = [open_envelope(stream_record(each)) for each in json.loads(call["Payload"])["Records"]]
    assert [each.payload for each in opened] == [b"one", b"two"]
    assert [each.origin for each in opened] == [f"{SHARD}:{sequence}" for sequence in sequences]
    assert all(each.is_put_again for each in opened)
    assert {each.record.shard_id for each in opened} == {f"redriven-{answer.document['redriven'][0]}"}
    assert len(on_the_stream(stack)) == 2
    assert waiting(stack, "EvaluateDetectorsDeadLetterQueueUrl") == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "77"}]}, "record 77"),
        ({"errorMessage": "FirstRecordFailedError"}, "FirstRecordFailedError"),
    ],
)
def test_a_batch_that_detectors_give_up_again_stays_on_its_queue(stack: Stack, said: dict[str, Any], why: str) -> None:
    send(stack, "EvaluateDetectorsDeadLetterQueueUrl", failed_batch(put(stack, message(b"one"))))
    lambda_ = FakeLambda(said, is_error="errorMessage" in said)
    evaluating = invoking(stack, lambda_, EvaluateDetectorsFunctionName="evaluate_detectors")

    answer = run(evaluating, "dead-letters", "redrive", "evaluate-detectors")

    assert why in next(iter(answer.document["left"].values()))
    assert answer.exit_code is ExitCode.FAILED
    assert waiting(stack, "EvaluateDetectorsDeadLetterQueueUrl") == 1


def test_a_letter_on_a_queue_that_is_not_its_own_stays(stack: Stack) -> None:
    send(stack, "TimerDeadLetterQueueUrl", {"requestPayload": {}, "requestContext": {}})

    answer = run(stack, "dead-letters", "redrive", "timers")

    assert "does not belong" in next(iter(answer.document["left"].values()))
    assert waiting(stack, "TimerDeadLetterQueueUrl") == 1


class ThrottledKinesis:
    def put_records(self, *, Records: list[Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's own name
        code = "ProvisionedThroughputExceededException"
        return {"Records": [{"ErrorCode": code, "ErrorMessage": "slow down"} for _ in Records]}


class FakeLambda:
    """Answers every invocation alike."""

    def __init__(self, said: Any = None, *, is_error: bool = False) -> None:
        self.calls: list[dict[str, Any]] = []
        self._said = said
        self._error = {"FunctionError": "Unhandled"} if is_error else {}

    def invoke(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        return {"Payload": io.BytesIO(json.dumps(self._said).encode())} | self._error


def invoking(stack: Stack, lambda_: FakeLambda, **functions: str) -> Stack:
    return replace(with_client(stack, lambda_=lambda_), outputs={**stack.outputs, **functions})


def taken(stack: Stack, output: str) -> list[Any]:
    """Messages of a queue, first to last."""
    names: Any = ["All"]
    found = stack.clients.sqs.receive_message(
        QueueUrl=stack.output(output), MaxNumberOfMessages=10, MessageSystemAttributeNames=names
    )
    return list(found.get("Messages", []))


def told_of(answer: Answer) -> list[str]:
    """Tables as the text of their cells."""
    return [
        " ".join(str(cell) for column in part.columns for cell in column.cells) if isinstance(part, Table) else part
        for part in answer.told
    ]


def with_client(stack: Stack, **fakes: Any) -> Stack:
    """The stack with some of its clients replaced."""

    class Replaced:
        def __getattr__(self, name: str) -> Any:
            return fakes.get(name) or getattr(stack.clients, name)

    return replace(stack, clients=cast("Clients", Replaced()))
