"""The detectors' adapters, and the three functions with them: conditional writes, the queues' order, what a batch costs
in requests, and the sample events.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from coldwatch.adapters import clients
from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.checkpoint_store import DynamoCheckpoints
from coldwatch.adapters.detector_files import load_detectors
from coldwatch.adapters.detector_store import (
    DynamoDetectorStore,
    DynamoDoneMarkers,
    DynamoDueIndex,
)
from coldwatch.adapters.effect_queue import SqsEffectQueue, message_group
from coldwatch.adapters.effect_targets import AwsEffectTargets, Clients
from coldwatch.adapters.epochs import MOST_LISTED, change_device
from coldwatch.adapters.items import to_item
from coldwatch.adapters.request_count import RequestCount
from coldwatch.adapters.stream_frontier import KinesisTails
from coldwatch.adapters.timer_queue import SqsTimerQueue, read_wake
from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import RESEND_AFTER_MS, Watch, watches, written
from coldwatch.detection.effect import Effect, decode_effect
from coldwatch.detection.errors import EffectError
from coldwatch.detection.log import Logs
from coldwatch.detection.memory import KnownDevices, Memory
from coldwatch.detection.ports import Checkpoint, Epoch, LogReach, Page, Start, Wake
from evaluate_detectors import handler as evaluate_detectors
from evaluate_detectors.evaluation import Ports, evaluate_batch
from fire_timers import handler as fire_timers
from run_effects import handler as run_effects
from tests.integration.aws.stack import REGION, Calls, Watched, sleep
from tests.unit.detection.builders import NOW, SHARD, counting_watch, detector, effect, records_of
from tests.unit.telemetry.builders import FRIDGE, kinesis_event

STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"
ROOT = Path(__file__).parents[3]
CONTEXT = SimpleNamespace(aws_request_id="r-1", get_remaining_time_in_millis=lambda: 20_000)


class Aws:
    """The table and the queues of detection, in moto."""

    def __init__(self) -> None:
        self.dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        self._create_tables()
        ordered: Any = {"FifoQueue": "true", "VisibilityTimeout": "600"}
        self.effects: str = self.sqs.create_queue(QueueName="effects.fifo", Attributes=ordered)["QueueUrl"]
        self.dead_effects: str = self.sqs.create_queue(QueueName="dead.fifo", Attributes=ordered)["QueueUrl"]
        self.timers: str = self.sqs.create_queue(QueueName="timers")["QueueUrl"]

    def _create_tables(self) -> None:
        definitions = [("detector_id", "S"), ("due_page", "S"), ("due_ms", "N")]
        self.dynamodb.create_table(
            TableName="DetectorTable",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in definitions],
            KeySchema=[{"AttributeName": "detector_id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_due",
                    "KeySchema": [
                        {"AttributeName": "due_page", "KeyType": "HASH"},
                        {"AttributeName": "due_ms", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        self.dynamodb.create_table(
            TableName="DeviceTable",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "device_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "device_id", "KeyType": "HASH"}],
        )

    def register(self, *device_ids: str, **more: Any) -> None:
        for each in device_ids:
            entry = {"device_id": each, "fleet_id": "acme", "application": "coldchain", **more}
            self.dynamodb.put_item(TableName="DeviceTable", Item=to_item(entry))

    def store(self, client: Any = None) -> DynamoDetectorStore:
        used = client or self.dynamodb
        return DynamoDetectorStore(used, DynamoBatches(used, sleep), "DetectorTable")

    def checkpoints(self, client: Any = None) -> DynamoCheckpoints:
        used = client or self.dynamodb
        return DynamoCheckpoints(used, DynamoBatches(used, sleep), "DetectorTable", "DeviceTable")

    def received(self, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while answer := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages"):
            found += answer
            for each in answer:
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return found

    def items(self) -> dict[str, Any]:
        scanned = self.dynamodb.scan(TableName="DetectorTable")["Items"]
        return {item["detector_id"]["S"]: item for item in scanned}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    cached: list[Any] = [clients.dynamodb_client, clients.sqs_client, clients.kinesis_client, clients.lambda_client]
    cached += [evaluate_detectors.settings, evaluate_detectors.environment, fire_timers.settings, fire_timers.ports]
    with mock_aws():
        stack = Aws()
        environment = {
            "DETECTOR_TABLE": "DetectorTable",
            "DEVICE_TABLE": "DeviceTable",
            "EFFECT_QUEUE_URL": stack.effects,
            "EFFECT_DEAD_LETTER_QUEUE_URL": stack.dead_effects,
            "TIMER_QUEUE_URL": stack.timers,
            "TELEMETRY_STREAM_ARN": STREAM_ARN,
            "TOPIC_PREFIX": "",
            "OPEN_INCIDENT_FUNCTION": "test-open",
            "RECOVER_INCIDENT_FUNCTION": "test-recover",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for each in (*cached, run_effects.tools, clients.target_client):
            each.cache_clear()
        yield stack


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return event


def test_a_detector_comes_back_as_it_was_stored(aws: Aws) -> None:
    owing = detector(pending=(effect(), effect(index=1)), changed_at=NOW)

    assert aws.store().write([owing], now_ms=NOW) == set()

    assert aws.store().load({owing.detector_id, "shock/other"}) == {owing.detector_id: written(owing)}


def test_of_two_who_write_a_detector_the_second_is_told(aws: Aws) -> None:
    new, other = detector(), detector(key="acme-fridge-0002")

    assert aws.store().write([new], now_ms=NOW) == set()
    assert aws.store().write([new, other], now_ms=NOW) == {new.detector_id}
    assert aws.store().write([written(new)], now_ms=NOW) == set()
    assert aws.store().write([written(new)], now_ms=NOW) == {new.detector_id}
    assert {name: int(item["version"]["N"]) for name, item in aws.items().items()} == {
        new.detector_id: 2,
        other.detector_id: 1,
    }


def test_only_what_has_to_be_looked_at_is_in_the_index_the_longest_due_first(aws: Aws) -> None:
    index = DynamoDueIndex(aws.dynamodb, "DetectorTable")
    due = detector(key="due", due_ms=NOW - 1)
    later = detector(key="later", due_ms=NOW + 100_000)
    owing = detector(key="owing", pending=(effect(key="owing"),))
    aws.store().write([later, due, owing, detector(key="idle")], now_ms=NOW)

    assert index.due(NOW + 60_000) == [(due.detector_id, NOW - 1), (owing.detector_id, NOW + 60_000)]
    assert [name for name, _ in index.due(NOW + 100_000)][-1] == later.detector_id

    aws.store().write([replace(written(owing), pending=())], now_ms=NOW)

    assert index.due(NOW + 60_000) == [(due.detector_id, NOW - 1)]


def test_a_checkpoint_moves_only_from_where_it_was_read(aws: Aws) -> None:
    checkpoints, blank = aws.checkpoints(), Checkpoint()
    first = Checkpoint(last_sequence=10**55, evaluated_until_ms=NOW, owner="me")
    second = replace(first, last_sequence=10**55 + 1, owner="you", log=LogReach(65, 1, 70))

    assert checkpoints.move(SHARD, first, previous=blank)
    assert not checkpoints.move(SHARD, second, previous=blank)
    assert not checkpoints.move(SHARD, second, previous=replace(first, owner="you"))
    assert not checkpoints.move(SHARD, second, previous=replace(first, generation=1))
    assert checkpoints.move(SHARD, second, previous=first)
    assert not checkpoints.move(SHARD, second, previous=first)

    assert checkpoints.read([SHARD, "shardId-7"]) == {SHARD: second, "shardId-7": blank}
    assert checkpoints.begin(SHARD) == Start(second, Epoch(), Epoch())


def test_a_checkpoint_and_its_log_move_together_or_not_at_all(aws: Aws) -> None:
    checkpoints, blank = aws.checkpoints(), Checkpoint()
    to = Checkpoint(last_sequence=1, owner="me", log=LogReach(last=1))

    assert not checkpoints.move(SHARD, to, previous=replace(to, owner="you"), pages=[Page("1", 1, b"lost")])
    assert checkpoints.pages(SHARD, ["1"]) == {}
    assert checkpoints.logged_shards() == []
    assert checkpoints.move(SHARD, to, previous=blank, pages=[Page("1", 1, b"first"), Page("base-0-0", 1, b"base")])

    assert checkpoints.pages(SHARD, ["1", "2"]) == {"1": Page("1", 1, b"first")}
    assert checkpoints.logged_shards() == [SHARD]


def test_a_write_from_outside_is_one_with_the_checkpoint_and_names_whom_it_touched(aws: Aws) -> None:
    store, checkpoints = aws.store(), aws.checkpoints()
    known, new = detector(home=SHARD), detector(key="acme-fridge-0002")
    store.write([known], now_ms=NOW)
    at = Checkpoint(last_sequence=1, owner="me")
    checkpoints.move(SHARD, at, previous=Checkpoint())
    changed = [replace(written(known), changed_at=5), new]

    assert not store.write_outside(changed, {SHARD: replace(at, last_sequence=2)}, now_ms=NOW)
    assert not store.write_outside([known], {SHARD: at}, now_ms=NOW), "its version has moved"
    assert checkpoints.begin(SHARD) == Start(at, Epoch(), Epoch())
    assert store.write_outside(changed, {SHARD: at}, now_ms=NOW)

    names = [each.detector_id for each in changed]
    assert store.load(names)[known.detector_id].changed_at == 5
    assert checkpoints.begin(SHARD) == Start(at.raised(names), Epoch(), Epoch(1, (new.detector_id,)))


def test_who_changes_the_registry_in_the_same_moment_as_others_waits_a_little_each_time() -> None:
    reasons: Any = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    busy = ClientError(
        {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
        "TransactWriteItems",
    )
    answers: list[Exception | None] = [busy, busy, None]
    waited: list[float] = []

    def send(_actions: list[Any]) -> None:
        if answer := answers.pop(0):
            raise answer

    change_device(send, [], table="t", device_id=FRIDGE, sleep=waited.append)

    assert not answers
    assert len(waited) == 2
    assert max(waited) <= 0.1


def test_an_epoch_whose_list_is_full_begins_a_new_one(aws: Aws) -> None:
    for n in range(MOST_LISTED + 1):
        assert aws.store().write_outside([detector(key=f"key-{n}")], {}, now_ms=NOW)

    created = aws.checkpoints().begin(SHARD).created

    assert created == Epoch(MOST_LISTED + 1, (detector(key=f"key-{MOST_LISTED}").detector_id,))
    assert created.changed_since(MOST_LISTED) == created.changed
    assert created.changed_since(MOST_LISTED - 1) is None


def test_effects_that_were_sent_are_noted_without_a_new_version(aws: Aws) -> None:
    owing = detector(due_ms=NOW + 100_000, pending=(effect(),), key="timer")
    idle = detector(pending=(effect(),), key="idle")
    aws.store().write([owing, idle], now_ms=NOW)
    found = aws.store().load([owing.detector_id, idle.detector_id])
    assert all(each.pending for each in found.values())

    aws.store().settle([*found.values(), replace(written(idle), version=7)])

    again = aws.store().load(found)
    assert {name: (each.version, each.pending) for name, each in again.items()} == dict.fromkeys(found, (1, ()))
    items = aws.items()
    assert items[owing.detector_id]["due_ms"]["N"] == str(NOW + 100_000)
    assert "due_page" not in items[idle.detector_id]


def test_effects_of_a_detector_are_one_group_in_their_order_and_come_once(aws: Aws) -> None:
    queue = SqsEffectQueue(aws.sqs, aws.effects, sleep)
    effects = [effect(key=key, index=index) for index in range(12) for key in ("a", "b")]

    assert queue.send(effects) == set()
    assert queue.send(effects[:4]) == set()

    received = aws.received(aws.effects)
    for key in ("a", "b"):
        group = [each for each in received if each["Attributes"]["MessageGroupId"] == message_group(f"shock/{key}")]
        assert [decode_effect(each["Body"]) for each in group] == [each for each in effects if each.key == key]
    assert len(received) == len(effects)


def test_nobody_waits_where_all_was_taken(aws: Aws) -> None:
    waited: list[float] = []

    SqsEffectQueue(aws.sqs, aws.effects, waited.append).send([effect(index=index) for index in range(25)])
    SqsTimerQueue(aws.sqs, aws.timers, waited.append).send([Wake(f"device_silence/{n}", NOW, 0) for n in range(25)])

    assert waited == []


def test_effects_behind_one_that_the_queue_refuses_wait_for_it(aws: Aws) -> None:
    refused = effect(key="a", index=1)

    class Refusing:
        def send_message_batch(self, **request: Any) -> Any:
            failed = [e for e in request["Entries"] if e["MessageDeduplicationId"] == refused.effect_id]
            taken = [e for e in request["Entries"] if e not in failed]
            if taken:
                aws.sqs.send_message_batch(**request | {"Entries": taken})
            return {"Failed": [{"Id": each["Id"]} for each in failed]}

    effects = [effect(key=key, index=index) for key in ("a", "b") for index in range(3)]

    unsent = SqsEffectQueue(Refusing(), aws.effects, sleep).send(effects)  # type: ignore[arg-type] # what is called

    assert unsent == {refused.effect_id, effect(key="a", index=2).effect_id}
    # The one behind it in the same request was taken, and is sent again behind it: only so can it have come before.
    assert len(aws.received(aws.effects)) == 5


def test_a_wake_says_for_which_timer_it_is(aws: Aws) -> None:
    SqsTimerQueue(aws.sqs, aws.timers, sleep).send([Wake("device_silence/x", NOW, 0, 3)])

    (message,) = aws.received(aws.timers)

    assert read_wake(message["Body"]) == Wake("device_silence/x", NOW, 0, 3)


def test_what_a_shard_holds_behind_a_record_is_asked_of_the_stream(aws: Aws) -> None:
    assert aws.items() == {}
    kinesis: Any = boto3.client("kinesis", region_name=REGION)
    kinesis.create_stream(StreamName="telemetry", ShardCount=1)
    (shard,) = kinesis.list_shards(StreamName="telemetry")["Shards"]
    tails = KinesisTails(kinesis, STREAM_ARN)

    empty = tails.tail(shard["ShardId"], None)
    first, second = (
        int(kinesis.put_record(StreamName="telemetry", Data=b"x", PartitionKey=FRIDGE)["SequenceNumber"]) for _ in "ab"
    )

    assert empty.is_empty
    assert [tails.tail(shard["ShardId"], after).is_empty for after in (None, first, second)] == [False, False, True]
    assert tails.tail("shardId-000000000077", 1).is_empty


def test_a_stream_that_is_read_too_often_counts_as_holding_something() -> None:
    kinesis = boto3.client("kinesis", region_name=REGION)
    with Stubber(kinesis) as stubber:
        stubber.add_client_error("get_shard_iterator", "ProvisionedThroughputExceededException")

        assert not KinesisTails(kinesis, STREAM_ARN).tail(SHARD, 1).is_empty


def test_silence_is_told_to_the_queue_by_the_function(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    silent = detector(due_ms=NOW - 8 * 3_600_000)
    aws.register(silent.device_id)
    aws.store().write([silent], now_ms=NOW)
    wake = {"messageId": "m-1", "body": json.dumps({"detector_id": silent.detector_id, "due_ms": NOW})}

    assert fire_timers.handler({"Records": [wake, {**wake, "messageId": "m-2"}]}, CONTEXT) == {"batchItemFailures": []}

    (message,) = aws.received(aws.effects)
    assert decode_effect(message["Body"]).action.fields["functionArn"].endswith(":open_incident")
    (metrics,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert (metrics["EffectsSent"], metrics["EffectsOmitted"], metrics["stage"]) == (1, 0, "test")
    item = aws.items()[silent.detector_id]
    assert int(item["due_ms"]["N"]) == int(item["owed"]["N"]) + RESEND_AFTER_MS, "to be sent once more, and then noted"


def test_an_effect_is_marked_done_for_a_month(aws: Aws) -> None:
    markers = DynamoDoneMarkers(aws.dynamodb, "DetectorTable")

    assert not markers.is_done("e-1")
    markers.mark("e-1", now_ms=NOW)

    assert markers.is_done("e-1")
    assert aws.items()["effect/e-1"]["expires_at"]["N"] == str(NOW // 1000 + 30 * 86_400)


def test_a_function_that_a_model_may_not_invoke_is_refused(aws: Aws) -> None:
    targets = AwsEffectTargets({"open_incident": "test-open", "recover_incident": "test-recover"}, "", Clients())

    with pytest.raises(EffectError, match="it may invoke open_incident and recover_incident, not 'unknown_function'"):
        targets.carry_out(effect(function="unknown_function"))
    assert aws.items() == {}


def taken(aws: Aws, *effects: Effect) -> dict[str, Any]:
    """The effects on their queue, and what a poller makes of them."""
    SqsEffectQueue(aws.sqs, aws.effects, sleep).send(effects)
    messages = aws.sqs.receive_message(QueueUrl=aws.effects, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    names = {"MessageId": "messageId", "ReceiptHandle": "receiptHandle", "Body": "body", "Attributes": "attributes"}
    return {"Records": [{names[name]: each[name] for name in names} for each in messages]}


def test_an_effect_that_nobody_may_carry_out_is_parked_with_its_reason(aws: Aws) -> None:
    event = taken(aws, effect(function="unknown_function"))

    assert run_effects.handler(event, CONTEXT) == {"batchItemFailures": []}

    (letter,) = aws.sqs.receive_message(QueueUrl=aws.dead_effects, MessageAttributeNames=["All"])["Messages"]
    assert letter["Body"] == event["Records"][0]["body"]
    assert "it may invoke open_incident and recover_incident" in letter["MessageAttributes"]["reason"]["StringValue"]
    assert aws.items() == {}


def test_an_effect_whose_target_fails_comes_again_soon_and_with_it_what_waits_behind_it(aws: Aws) -> None:
    """The queue's own visibility time-out is ten minutes here, so only a request can have brought them back."""
    event = taken(aws, effect(index=0), effect(index=1))
    now = SimpleNamespace(aws_request_id="r-1", get_remaining_time_in_millis=lambda: 0)

    answer = run_effects.handler(event, now)

    assert len(answer["batchItemFailures"]) == len(event["Records"])
    assert [decode_effect(each["Body"]).effect_id for each in aws.received(aws.effects)] == [
        decode_effect(each["body"]).effect_id for each in event["Records"]
    ]


def test_the_sample_wake_finds_no_detector_and_nothing_is_done(aws: Aws) -> None:
    assert fire_timers.handler(sample("fire_timers"), CONTEXT) == {"batchItemFailures": []}

    assert aws.items() == {}
    assert aws.received(aws.timers) == aws.received(aws.effects) == []


def test_the_sample_batch_is_of_devices_that_nobody_knows(aws: Aws) -> None:
    assert evaluate_detectors.handler(sample("evaluate_detectors"), CONTEXT) == {"batchItemFailures": []}

    assert list(aws.items()) == ["shard/shardId-999999999999"]
    assert aws.received(aws.timers) == aws.received(aws.effects) == []


def test_a_bad_wake_fails_alone(aws: Aws) -> None:
    (good,) = sample("fire_timers")["Records"]
    bad = [{**good, "messageId": f"bad-{n}", "body": body} for n, body in enumerate(["{", "[]", '{"due_ms":1}'])]

    answer = fire_timers.handler({"Records": [bad[0], good, *bad[1:]]}, CONTEXT)

    assert answer["batchItemFailures"] == [{"itemIdentifier": f"bad-{n}"} for n in range(3)]


def test_the_schedule_wakes_what_is_due(aws: Aws) -> None:
    aws.store().write([detector(due_ms=NOW)], now_ms=NOW)

    fire_timers.handler({"version": "0", "detail-type": "Scheduled Event"}, CONTEXT)

    (message,) = aws.received(aws.timers)
    assert read_wake(message["Body"]).due_ms == NOW


def test_a_batch_says_once_what_it_came_to(
    aws: Aws, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    aws.register(FRIDGE)
    event = kinesis_event(records_of([(0, {"shock_g": 9.0}), (10, {}), (-100, {})]))

    evaluate_detectors.handler(event, CONTEXT)
    evaluate_detectors.handler(event, CONTEXT)

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    about = first["_aws"]["CloudWatchMetrics"][0]
    assert (about["Namespace"], about["Dimensions"]) == ("Coldwatch", [["stage"]])
    assert first["EffectsSent"] == 1
    assert first["DetectorEvaluations"] + first["LateMessages"] == 3 * 8
    assert first["LateMessages"] > 0
    assert (second["DetectorEvaluations"], second["LateMessages"], second["EffectsSent"]) == (0, 0, 0)
    log, again = (vars(each) for each in caplog.records if each.msg == "batch evaluated")
    assert log["requests"] > again["requests"] == 1
    assert log["effects"] == 1


def ports_with(aws: Aws) -> tuple[Ports, Calls]:
    """An environment, and what it asks for."""
    calls = Calls()
    dynamodb, sqs = (Watched(client, calls) for client in (aws.dynamodb, aws.sqs))
    checkpoints = aws.checkpoints(dynamodb)
    commit = CommitPorts(
        aws.store(dynamodb),
        Logs(checkpoints),
        SqsEffectQueue(sqs, aws.effects, sleep),  # type: ignore[arg-type] # stands in for a client
        SqsTimerQueue(sqs, aws.timers, sleep),  # type: ignore[arg-type] # stands in for a client
    )
    batches = DynamoBatches(dynamodb, sleep)  # type: ignore[arg-type] # stands in for a client
    registry = KnownDevices(DynamoWatchedRegistry(batches, "DeviceTable"))
    return Ports(registry, Memory("me"), checkpoints, commit), calls


def counted(calls: Calls) -> dict[str, int]:
    found = {name: calls.names.count(name) for name in calls.names}
    calls.names.clear()
    return found


@pytest.mark.parametrize("devices", [1, 100])
def test_the_requests_of_batches_in_which_devices_are_only_heard(aws: Aws, devices: int) -> None:
    names = [f"acme-fridge-{n}" for n in range(devices)]
    aws.register(*names)
    ports, calls = ports_with(aws)
    own = evaluate_detectors.environment().knowledge

    def hear(at: int, ports: Ports) -> None:
        each = [records_of([(at, {})], first=1000 * at + n, device_id=name) for n, name in enumerate(names)]
        evaluate_batch([record for (record,) in each], ports, own, now_ms=NOW + 200_000)

    hear(0, ports)
    # Eight models look at each reading; all are new, and the one for silence is made. The shard is claimed.
    detectors = -(-8 * devices // 100)
    assert counted(calls) == {"batch_get_item": 1 + 1 + detectors, "put_item": 2 + devices}
    for n in range(1, 4):
        hear(n, ports)
        assert counted(calls) == {"batch_get_item": 1, "transact_write_items": 1}
    cold, calls = ports_with(aws)
    hear(4, cold)
    # Of the same name it claims nothing; but it has read, and looks again whether it still owns the shard. What
    # it will log changes of it writes once, and takes it off the log.
    looked = 1 + 1 + 1 + detectors + 1
    assert counted(calls) == {"batch_get_item": looked, "put_item": devices, "transact_write_items": 1}


def test_effects_of_a_batch_take_one_request_for_ten(aws: Aws) -> None:
    aws.register(FRIDGE)
    ports, calls = ports_with(aws)
    own = replace(evaluate_detectors.environment().knowledge, watches={"telemetry": [counting_watch()]})

    evaluate_batch(records_of([(n, {}) for n in range(25)]), ports, own, now_ms=NOW + 200_000)

    assert counted(calls)["send_message_batch"] == 3
    assert len(aws.received(aws.effects)) == 25


def test_a_warm_batch_of_which_no_detector_changes_takes_two_requests(aws: Aws) -> None:
    """As counted by botocore itself."""
    aws.register(FRIDGE)
    ports, _ = ports_with(aws)
    requests = RequestCount(aws.dynamodb, aws.sqs)
    own = replace(evaluate_detectors.environment().knowledge, watches=watches_without_silence())
    taken = []

    for n in range(3):
        records = records_of([(100 * n + each, {}) for each in range(100)], first=1 + 100 * n)
        evaluate_batch(records, ports, own, now_ms=NOW + 400_000)
        taken.append(requests.taken())

    assert taken == [4, 2, 2]
    assert list(aws.items()) == [f"shard/{SHARD}"]


def watches_without_silence() -> dict[str, list[Watch]]:
    files = load_detectors()
    found = watches(files.models, files.versions, files.deployment, files.previous)
    return {"telemetry": [each for name, each in found.items() if name != "device_silence"]}
