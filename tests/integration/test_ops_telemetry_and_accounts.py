"""`coldwatch telemetry` and `coldwatch accounts` against moto, with an Athena of our own."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from coldwatch_ops.accounts import Accounts, read_accounts, told
from coldwatch_ops.archive_query import count_archived
from coldwatch_ops.errors import FailedError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Clients, Stack
from coldwatch_ops.telemetry import read_telemetry
from tests.integration.ops_stack import NOW, deployed, run


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def store(stack: Stack, timestamp: int, suffix: str = "-#1", device_id: str = "d", **more: Any) -> str:
    reading_key = f"{timestamp:013d}#{suffix}"
    item = {
        "device_id": device_id,
        "reading_key": reading_key,
        "timestamp": timestamp,
        "temp_c": Decimal("4.5"),
        **more,
    }
    stack.table("ReadingTableName").put_item(Item=item | more)
    return reading_key


def test_readings_are_shown_newest_first_and_of_one_device(stack: Stack) -> None:
    older, newer = store(stack, NOW - 2), store(stack, NOW - 1)
    store(stack, NOW, device_id="other")

    readings = run(stack, "telemetry", "d").document["readings"]

    assert [reading["reading_key"] for reading in readings] == [newer, older]
    assert readings[0]["temp_c"] == 4.5


def test_both_ends_of_a_span_belong_to_it_whatever_follows_in_the_key(stack: Stack) -> None:
    store(stack, 999)
    first, last, conflict = store(stack, 1000), store(stack, 2000, "~zz#9"), store(stack, 2000, "-#1~0a1b2c3d")
    store(stack, 2001)

    readings = read_telemetry(stack, "d", since=1000, until=2000)

    assert {reading["reading_key"] for reading in readings} == {first, last, conflict}


def test_since_and_until_take_ages(stack: Stack) -> None:
    store(stack, NOW - 3 * 3_600_000)
    wanted = store(stack, NOW - 90 * 60_000)
    store(stack, NOW)

    document = run(stack, "telemetry", "d", "--since", "2h", "--until", "1h").document

    assert [reading["reading_key"] for reading in document["readings"]] == [wanted]


def test_a_limit_is_kept(stack: Stack) -> None:
    for number in range(5):
        store(stack, number)

    answer = run(stack, "telemetry", "d", "--limit", "3")

    assert len(answer.document["readings"]) == 3
    assert "raise --limit" in str(answer.told[-1])


def ledger(stack: Stack, shard: str, **counts: int) -> None:
    stack.table("IngestLedgerTableName").put_item(Item={"shard_id": shard, "last_sequence": "9" * 50, **counts})


def test_the_accounts_are_the_sum_of_the_shards(stack: Stack) -> None:
    ledger(stack, "s1", accepted=10, duplicates=2, quarantined=5, released=1, conflicts=1, updated_at=NOW)
    ledger(stack, "s2", accepted=3)

    accounts = read_accounts(stack, count_stored=False, count_archived=False)

    assert accounts == Accounts(accepted=13, duplicates=2, quarantined=4, conflicts=1)
    assert accounts.published == 19
    assert accounts.differences == {}


def test_every_page_of_the_reading_table_is_counted(stack: Stack) -> None:
    for number in range(12):
        store(stack, number, filler="x" * 200_000)

    assert read_accounts(stack, count_archived=False).stored == 12


def test_a_difference_fails_only_when_the_accounts_must_hold() -> None:
    accounts = Accounts(accepted=10, duplicates=0, quarantined=0, conflicts=0, stored=9, archived=10)

    assert accounts.differences == {"stored": -1}
    assert told(accounts, must_hold=False).exit_code is ExitCode.OK
    assert told(accounts, must_hold=True).exit_code is ExitCode.FAILED


class FakeAthena:
    """Answers after going through `states`."""

    def __init__(self, *states: str, reason: str = "", value: str = "42") -> None:
        self.states = list(states)
        self.reason = reason
        self.value = value
        self.asked: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.asked.append(request)
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": self.reason}}}

    def get_query_results(self, **_: Any) -> dict[str, Any]:
        rows = [{"Data": [{"VarCharValue": "archived"}]}, {"Data": [{"VarCharValue": self.value}]}]
        return {"ResultSet": {"Rows": rows}}

    def stop_query_execution(self, *, QueryExecutionId: str) -> None:  # noqa: N803 - AWS's own name
        self.stopped.append(QueryExecutionId)


class OnlyAthena:
    def __init__(self, athena: FakeAthena) -> None:
        self.athena = athena


def asking(stack: Stack, athena: FakeAthena) -> Stack:
    names = ("ReadingArchiveTableName", "ArchiveWorkGroupName", "ArchiveDatabaseName")
    outputs = {**stack.outputs, **{name: name.lower() for name in names}}
    return replace(stack, outputs=outputs, clients=cast("Clients", OnlyAthena(athena)))


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_the_archive_is_asked_for_distinct_reading_keys_in_its_own_work_group(stack: Stack) -> None:
    athena, clock = FakeAthena("QUEUED", "RUNNING", "SUCCEEDED"), Clock()

    count = count_archived(asking(stack, athena), pause=clock.wait, clock=clock)

    [request] = athena.asked
    assert count == 42
    assert "DISTINCT device_id, reading_key" in request["QueryString"]
    assert request["WorkGroup"] == "archiveworkgroupname"
    assert request["QueryExecutionContext"] == {"Database": "archivedatabasename"}


def test_a_failed_query_says_why(stack: Stack) -> None:
    athena, clock = FakeAthena("FAILED", reason="TABLE_NOT_FOUND"), Clock()

    with pytest.raises(FailedError, match="TABLE_NOT_FOUND"):
        count_archived(asking(stack, athena), pause=clock.wait, clock=clock)


def test_a_query_that_takes_too_long_is_stopped(stack: Stack) -> None:
    athena, clock = FakeAthena("RUNNING"), Clock()

    with pytest.raises(FailedError, match="still RUNNING after 10 s"):
        count_archived(asking(stack, athena), timeout_s=10, pause=clock.wait, clock=clock)

    assert athena.stopped == ["q1"]
