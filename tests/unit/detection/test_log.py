"""Small changes, and the log that keeps them: what was written is what a cold environment reads."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.detector import Detector, Position, encode_detector, written
from coldwatch.detection.log import SLOTS, Logged, Logs, due_later, next_pages, oldest_beyond
from coldwatch.detection.ports import Checkpoint, LogReach, Page
from coldwatch.detection.small import LARGEST_BYTES, Small, overlaid, pack, small_change, unpack
from coldwatch.engine.snapshot import Snapshot, Timer
from tests.unit.detection.builders import FRIDGE, NOW, SHARD, detector
from tests.unit.detection.fakes import FakeCheckpoints, Stepper, World

DUE = NOW + 600_000
NAME = detector().detector_id


def stored(**changes: Any) -> Detector:
    before = {"due_ms": DUE, "positions": {SHARD: Position(1, FRIDGE, NOW)}, "home": SHARD, **changes}
    return written(detector(changed_at=NOW, changed_keys=("first",), **before))


def heard(before: Detector, at: int, **changes: Any) -> Detector:
    """After a sign of life so many ms later."""
    assert before.snapshot
    snapshot = replace(before.snapshot, timers={"silence": Timer(DUE + at, 600)})
    positions = {SHARD: Position(1 + at, FRIDGE, NOW + at)}
    after = replace(before, snapshot=snapshot, positions=positions, changed_at=NOW + at, changed_keys=(f"key-{at}",))
    return replace(after, **changes)


def test_a_sign_of_life_is_small_and_comes_back_whole() -> None:
    before = stored()
    after = heard(before, 15_000)

    entry = small_change(before, after, None, SHARD)

    assert entry
    assert len(pack({NAME: entry})) < 150
    assert overlaid(before, unpack([pack({NAME: entry})])[NAME]) == replace(after, positions=before.positions)


def test_what_an_entry_has_otherwise_it_keeps_while_other_things_change() -> None:
    before = stored()
    counted = replace(
        before, snapshot=Snapshot("heard", {"n": 1}, {"silence": Timer(DUE, 600)}, {"telemetry": {"a": 1}})
    )
    first = small_change(before, counted, None, SHARD)
    assert first

    second = small_change(counted, heard(counted, 9), first, SHARD)

    assert second
    assert (second.variables, second.inputs) == ({"n": 1}, {"telemetry": {"a": 1}})


@pytest.mark.parametrize(
    "changes",
    [
        {"snapshot": Snapshot("silent", {}, {"silence": Timer(DUE, 600)}, {})},
        {"snapshot": Snapshot("heard", {}, {"silence": Timer(DUE - 1, 600)}, {})},
        {"snapshot": Snapshot("heard", {}, {"silence": Timer(DUE, 601)}, {})},
        {"snapshot": Snapshot("heard", {}, {"silence": Timer(DUE, 600, is_expired=True)}, {})},
        {"snapshot": Snapshot("heard", {}, {}, {})},
        {"snapshot": Snapshot("heard", {"text": "x" * LARGEST_BYTES}, {"silence": Timer(DUE, 600)}, {})},
        {"snapshot": Snapshot("heard", {"n": 2**70}, {"silence": Timer(DUE, 600)}, {})},
        {"snapshot": None},
        {"profile": {"silence_s": 1}},
        {"device_id": "another"},
        {"application": "factory"},
        {"model_version": "newer"},
        {"positions": {SHARD: Position(2, "a gateway", NOW)}},
        {"positions": {SHARD: Position(2, FRIDGE, NOW), "another": Position(1, FRIDGE, NOW)}},
    ],
)
def test_what_an_entry_cannot_tell_or_the_index_has_to_know_is_not_small(changes: dict[str, Any]) -> None:
    before = stored()

    assert small_change(before, heard(before, 1, **({"snapshot": before.snapshot} | changes)), None, SHARD) is None


@pytest.mark.parametrize("changes", [{"home": "another"}, {"home": ""}])
def test_only_the_home_of_a_detector_has_small_changes_of_it(changes: dict[str, Any]) -> None:
    before = stored(**changes)

    assert small_change(before, heard(before, 1), None, SHARD) is None


def test_one_that_is_not_stored_yet_has_no_small_change() -> None:
    before = replace(stored(), version=0)

    assert small_change(before, heard(before, 1), None, SHARD) is None


def test_an_entry_counts_only_for_the_stored_detector_that_it_was_made_for() -> None:
    before = stored()
    entry = small_change(before, heard(before, 1), None, SHARD)

    assert overlaid(written(before), entry) == written(before)
    assert encode_detector(overlaid(before, entry)) != encode_detector(before)


names = st.sampled_from([f"device_silence/{n}" for n in range(6)])
entries = st.builds(
    Small,
    st.integers(1, 5),
    st.none() | st.integers(NOW, NOW + 10**6),
    st.none() | st.integers(NOW, NOW + 10**6),
    st.lists(st.integers(NOW, NOW + 10**6), max_size=3).map(tuple),
    st.integers(NOW, NOW + 10**6),
    st.lists(st.text(max_size=5), max_size=2).map(tuple),
    st.none() | st.dictionaries(st.text(max_size=3), st.booleans() | st.integers(0, 9) | st.floats(allow_nan=False)),
    st.none() | st.just({"telemetry": {"n": 1.0}}),
)


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.tuples(st.dictionaries(names, entries, max_size=3), st.sets(names, max_size=2)), max_size=5),
    repeat=st.integers(1, 60),
)
def test_whoever_reads_the_log_at_any_time_finds_what_was_written_by_then(
    batches: list[tuple[dict[str, Small], set[str]]], repeat: int
) -> None:
    """Also over bases, and if it remembers some of the log."""
    world, every, warm = World(), dict[str, Small](), Logs(FakeCheckpoints(World(), Stepper()))
    warm.checkpoints = checkpoints = FakeCheckpoints(world, Stepper())
    for n in range(repeat):
        for told, gone in batches:
            for name in gone:
                every.pop(name, None)
            every |= told
            at = world.checkpoints.get(SHARD, Checkpoint())
            log, pages = next_pages(at.log, told, gone - told.keys(), every)
            assert checkpoints.move(SHARD, replace(at, log=log), previous=at, pages=pages)
        if n % 7 == 0:
            assert warm.read([SHARD])[SHARD].entries == every
    for reader in (warm, Logs(checkpoints)):
        assert reader.read([SHARD])[SHARD].entries == every


def test_a_page_that_is_overwritten_while_it_is_read_is_looked_for_again() -> None:
    world = World()
    checkpoints = FakeCheckpoints(world, Stepper())
    entry = small_change(stored(), heard(stored(), 1), None, SHARD)
    assert entry

    def write(names: Collection[str]) -> None:
        for name in names:
            at = world.checkpoints.get(SHARD, Checkpoint())
            log, pages = next_pages(at.log, {name: entry}, (), {name: entry})
            checkpoints.move(SHARD, replace(at, log=log), previous=at, pages=pages)

    write(["first"])
    behind: Mapping[str, Checkpoint] = checkpoints.read([SHARD])
    write([str(n) for n in range(2 * SLOTS)])

    assert Logs(checkpoints).entries(SHARD, behind[SHARD]) is None
    assert Logs(checkpoints).read([SHARD])[SHARD].checkpoint.log.last == 2 * SLOTS + 1


def test_a_large_base_is_written_in_pieces_beside_the_one_before() -> None:
    entry = Small(1, None, None, (), NOW, ())
    every = {f"{n:064x}{hash(str(n)):x}": entry for n in range(60_000)}

    reach, pages = next_pages(LogReach(65, 1, 65 + SLOTS), {"a": entry}, (), every)

    assert reach == LogReach(130, len(pages), 130)
    assert len(pages) > 1
    assert pages[0] == Page("base-0-0", 130, pages[0].body)
    assert unpack([b"".join(page.body for page in pages)]) == every


def test_when_a_base_would_be_too_large_the_oldest_leave_the_log() -> None:
    every = {f"{n:064x}{hash(str(n)):x}": Small(1, None, None, (), NOW + n, ()) for n in range(3_000)}
    limit = len(pack(every)) // 2

    oldest = oldest_beyond(every, limit)

    assert oldest == list(every)[: len(oldest)]
    assert len(pack({name: entry for name, entry in every.items() if name not in oldest})) <= limit
    assert oldest_beyond(every) == []


def test_the_sweep_believes_no_entry_of_a_detector_that_was_written_from_outside() -> None:
    entry = small_change(stored(), heard(stored(), 1), None, SHARD)
    assert entry

    def later(checkpoint: Checkpoint) -> dict[str, tuple[int, int]]:
        return due_later([Logged(checkpoint, {NAME: entry})])

    assert later(Checkpoint()) == {NAME: (DUE, DUE + 1)}
    assert later(Checkpoint().raised(["another"])) == {NAME: (DUE, DUE + 1)}
    assert later(Checkpoint().raised([NAME])) == {}
    assert later(Checkpoint(touched_all=True)) == {}


def test_the_log_of_a_shard_that_has_ended_is_neither_read_nor_remembered() -> None:
    world = World(now_ms=NOW)
    checkpoints = FakeCheckpoints(world, Stepper())
    for shard, until in ((SHARD, NOW), ("shardId-000000000009", NOW - 1)):
        to = Checkpoint(evaluated_until_ms=until, log=LogReach(last=1))
        page = Page("1", 1, pack({NAME: Small(1, None, None, (), NOW, ())}))
        assert checkpoints.move(shard, to, previous=Checkpoint(), pages=[page])
    logs = Logs(checkpoints)

    assert logs.read([SHARD, "shardId-000000000009"]).keys() == {SHARD, "shardId-000000000009"}
    world.requests.clear()

    assert logs.read([SHARD, "shardId-000000000009"], since_ms=NOW).keys() == {SHARD}
    assert world.requests == {"BatchGetItem": 1}, "the checkpoints alone"
