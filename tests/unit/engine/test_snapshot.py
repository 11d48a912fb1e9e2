import json
from typing import Any

import pytest

from coldwatch.engine.errors import SnapshotError
from coldwatch.engine.snapshot import Snapshot, Timer

FULL = Snapshot(
    state="alarm",
    variables={"n": 3, "ratio": 0.5, "flag": True, "text": "a"},
    timers={"a": Timer(5, 60), "b": Timer(6, 60, is_expired=True), "c": Timer(7, 60, is_read=True)},
    inputs={"i": {"x": [1, None]}},
    cleared={"d": 300},
)


@pytest.mark.parametrize("snapshot", [FULL, Snapshot("s", {}, {}, {})])
def test_a_snapshot_survives_json(snapshot: Snapshot) -> None:
    again = Snapshot.from_document(json.loads(json.dumps(snapshot.to_document())))

    assert again == snapshot
    assert {name: type(value) for name, value in again.variables.items()} == {
        name: type(value) for name, value in snapshot.variables.items()
    }


def test_what_is_empty_takes_no_room() -> None:
    assert Snapshot("s", {}, {}, {}).to_document() == {"format": 1, "state": "s"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"format": 2, "state": "s"},
        {"format": 1},
        {"format": 1, "state": 5},
        {"format": 1, "state": "s", "variables": 5},
        {"format": 1, "state": "s", "timers": {"t": {}}},
        {"format": 1, "state": "s", "timers": {"t": {"due_ms": "soon", "duration_s": 1}}},
        {"format": 1, "state": "s", "timers": []},
    ],
)
def test_what_is_no_snapshot_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(SnapshotError):
        Snapshot.from_document(document)


@pytest.mark.parametrize(
    ("timer", "is_pending"),
    [(Timer(1, 1), True), (Timer(1, 1, is_expired=True), False), (Timer(1, 1, is_read=True), False)],
)
def test_a_timer_is_pending_until_it_expires(timer: Timer, *, is_pending: bool) -> None:
    assert timer.is_pending is is_pending
