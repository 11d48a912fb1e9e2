"""`coldwatch quarantine` against moto: the queries, the bytes and what reaches the stream."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coldwatch.telemetry.envelope import Envelope, StreamRecord, open_envelope
from coldwatch_ops.errors import DeclinedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.quarantine.entries import EntryFilter, list_entries
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import NOW, Person, deployed, on_the_stream, payload_of, quarantined, run


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def ids(answer: Any) -> list[str]:
    return [entry["quarantine_id"] for entry in answer.document["entries"]]


def as_the_store_reads(stack: Stack) -> list[Envelope]:
    iterator = stack.clients.kinesis.get_shard_iterator(
        StreamName=stack.output("TelemetryStreamName"),
        ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    records = stack.clients.kinesis.get_records(ShardIterator=iterator)["Records"]
    return [
        open_envelope(StreamRecord("s:9", "s", "9", record["PartitionKey"], record["Data"], NOW)) for record in records
    ]


def test_the_newest_open_entries_are_listed_first(stack: Stack) -> None:
    older, newer = quarantined(stack, 1), quarantined(stack, 2)
    quarantined(stack, 3, status="RELEASED")

    answer = run(stack, "quarantine", "list")

    assert ids(answer) == [newer, older]


def test_entries_are_chosen_by_reason_thing_time_and_status(stack: Stack) -> None:
    spoof = quarantined(stack, 1, reason="identity_mismatch")
    other = quarantined(stack, 2, thing="acme-fridge-2")
    old = quarantined(stack, 3, received_at=NOW - 3_600_000 * 3)
    done = quarantined(stack, 4, status="RELEASED", released_by="s:1", released_at=NOW)

    assert ids(run(stack, "quarantine", "list", "--reason", "identity_mismatch")) == [spoof]
    assert ids(run(stack, "quarantine", "list", "--device", "acme-fridge-2")) == [other]
    assert old not in ids(run(stack, "quarantine", "list", "--since", "2h"))
    assert ids(run(stack, "quarantine", "list", "--status", "RELEASED")) == [done]


def test_a_listing_reads_every_page_of_the_index(stack: Stack) -> None:
    for number in range(40):
        quarantined(stack, number, detail="x" * 60_000)

    entries = list_entries(stack, EntryFilter())

    assert len(entries) == 40


def test_a_limit_counts_what_passes_the_filter(stack: Stack) -> None:
    for number in range(10):
        quarantined(stack, number, reason="empty" if number < 3 else "not_json")

    assert len(ids(run(stack, "quarantine", "list", "--reason", "empty", "--limit", "2"))) == 2


def test_hostile_bytes_are_shown_escaped_and_saved_whole(stack: Stack, tmp_path: Path) -> None:
    payload = b"\x1b[2J\xff" + "\u202eevil".encode()
    quarantine_id = quarantined(stack, 1, payload, detail="said \x1b]0;pwned\x07")

    answer = run(stack, "quarantine", "show", quarantine_id, "--raw", str(tmp_path / "raw"))

    told = "\n".join(str(part) for part in answer.told)
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "\u202e" not in told
    assert r"\x1b[2J\xff\u202eevil" in told
    assert (tmp_path / "raw").read_bytes() == payload
    assert base64.b64decode(answer.document["payload_base64"]) == payload


def test_a_file_that_is_there_is_not_overwritten(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"precious")

    with pytest.raises(RefusedError, match="not overwritten"):
        run(stack, "quarantine", "show", quarantined(stack, 1), "--raw", str(tmp_path / "raw"))

    assert (tmp_path / "raw").read_bytes() == b"precious"


def test_an_unknown_id_is_said_to_be_unknown(stack: Stack) -> None:
    with pytest.raises(NotFoundError, match="no quarantine entry nothing"):
        run(stack, "quarantine", "show", "nothing")


def test_a_redriven_message_is_read_by_the_store_as_what_it_was(stack: Stack) -> None:
    payload = b'{"device_id": "acme-fridge-1"}'
    quarantine_id = quarantined(stack, 7, payload, trace_id="t-1")

    answer = run(stack, "quarantine", "redrive", quarantine_id)

    [envelope] = as_the_store_reads(stack)
    assert answer.document["redriven"] == [quarantine_id]
    assert envelope.payload == payload
    assert envelope.origin == "shardId-000000000000:7"
    assert envelope.redrive_of == quarantine_id
    assert (envelope.thing, envelope.application, envelope.trace_id) == ("acme-fridge-1", "coldchain", "t-1")
    assert envelope.received_at == NOW - 10_000 + 7


def test_a_message_that_came_as_bare_bytes_gets_its_topic_from_the_registry(stack: Stack) -> None:
    quarantine_id = quarantined(stack, 7, topic="", application="", client_id="")

    unknown = run(stack, "quarantine", "redrive", quarantine_id)
    stack.table("DeviceTableName").put_item(Item={"device_id": "acme-fridge-1", "application": "coldchain"})
    known = run(stack, "quarantine", "redrive", quarantine_id)

    [envelope] = as_the_store_reads(stack)
    assert "not in the registry" in unknown.document["left"][quarantine_id]
    assert unknown.exit_code is ExitCode.FAILED
    assert known.exit_code is ExitCode.OK
    assert envelope.redrive_of == quarantine_id
    assert envelope.topic == "dt/coldchain/acme-fridge-1/telemetry"


def test_messages_chosen_by_reason_are_redriven_oldest_first(stack: Stack) -> None:
    for number in (3, 1, 2):
        quarantined(stack, number, str(number).encode())
    quarantined(stack, 4, reason="empty")

    run(stack, "quarantine", "redrive", "--reason", "not_json")

    assert [payload_of(document) for document in on_the_stream(stack)] == [b"1", b"2", b"3"]


def test_a_released_entry_is_not_sent_again(stack: Stack) -> None:
    quarantine_id = quarantined(stack, 1, status="RELEASED", released_by="shardId-0:99")

    answer = run(stack, "quarantine", "redrive", quarantine_id)

    assert on_the_stream(stack) == []
    assert answer.document["left"] == {quarantine_id: "already released by shardId-0:99"}
    assert answer.exit_code is ExitCode.FAILED


def test_an_entry_whose_bytes_are_gone_does_not_hold_up_the_others(stack: Stack) -> None:
    gone, there = quarantined(stack, 1, s3_key="quarantine/none"), quarantined(stack, 2)

    answer = run(stack, "quarantine", "redrive", gone, there)

    assert answer.document["redriven"] == [there]
    assert "no longer in the bucket" in answer.document["left"][gone]


def test_more_than_ten_are_redriven_only_after_asking(stack: Stack) -> None:
    for number in range(11):
        quarantined(stack, number)
    reluctant = Person("n")

    with pytest.raises(DeclinedError):
        run(stack, "quarantine", "redrive", "--all", person=reluctant)
    with pytest.raises(DeclinedError, match="--yes"):
        run(stack, "quarantine", "redrive", "--all", person=Person(None))

    assert on_the_stream(stack) == []
    assert "11 messages" in reluctant.asked[0]
    run(stack, "quarantine", "redrive", "--all", "--yes")
    assert len(on_the_stream(stack)) == 11


@pytest.mark.parametrize(
    "words", [(), ("--all", "--reason", "empty"), ("some-id", "--all"), ("some-id", "--since", "2h")]
)
def test_what_to_redrive_must_be_said_in_one_way(stack: Stack, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        run(stack, "quarantine", "redrive", *words)


def test_waiting_tells_what_the_store_answered(stack: Stack) -> None:
    released, again, silent = quarantined(stack, 1), quarantined(stack, 2), quarantined(stack, 3)
    table = stack.table("QuarantineTableName")

    class Store(Person):
        """The store, which answers while the command waits."""

        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            table.update_item(
                Key={"quarantine_id": released},
                UpdateExpression="SET #status = :released",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":released": "RELEASED"},
            )
            table.update_item(
                Key={"quarantine_id": again},
                UpdateExpression="SET attempts = :n, reason = :r",
                ExpressionAttributeValues={":n": 2, ":r": "out_of_span"},
            )

    store = Store()
    answer = run(stack, "quarantine", "redrive", "--all", "--wait", "5", person=store)

    assert answer.document["released"] == [released]
    assert answer.document["quarantined_again"] == {again: "out_of_span"}
    assert answer.document["waiting"] == [silent]
    assert answer.exit_code is ExitCode.FAILED
    assert store.waited_s == 5
