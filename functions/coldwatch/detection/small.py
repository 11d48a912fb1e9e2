"""Small changes: a message that only moves a detector's timers on, as a sign of life does, or counts in a variable.

They are not worth a write of the detector. What differs from the stored one goes into the shard's log (`log`), as an
entry that counts only while the stored detector still is the one that it was made for.

The index of due timers knows the stored detector alone. So no change is small that makes anything due earlier: the
index may say too early, and never says too late.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from coldwatch.detection.detector import Detector
from coldwatch.engine.snapshot import Snapshot, Timer

LARGEST_BYTES: Final = 512


class Small(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a detector has otherwise than the stored one of that `version`, whose next timer is due at `stored_due_ms`,
    while really it is at `due_ms`. `dues` are of all its timers, by name. Variables and inputs that are None are as
    stored.
    """

    version: int
    stored_due_ms: int | None
    due_ms: int | None
    dues: tuple[int, ...]
    changed_at: int
    changed_keys: tuple[str, ...]
    variables: dict[str, Any] | None = None
    inputs: dict[str, Any] | None = None


def small_change(before: Detector, after: Detector, earlier: Small | None, shard_id: str) -> Small | None:
    """The change as an entry; None if it is not small. `earlier` is the entry that `before` has already."""
    if before.version == 0 or before.home != shard_id or not _is_alike(before, after, shard_id):
        return None
    old, new = before.snapshot, after.snapshot
    if old is None or new is None or not _is_same_course(old, new):
        return None
    entry = Small(
        version=before.version,
        stored_due_ms=before.stored_due_ms,
        due_ms=after.next_timer_ms,
        dues=tuple(new.timers[name].due_ms for name in sorted(new.timers)),
        changed_at=after.changed_at,
        changed_keys=after.changed_keys,
        variables=_changed(old.variables, new.variables, earlier.variables if earlier else None),
        inputs=_changed(old.inputs, new.inputs, earlier.inputs if earlier else None),
    )
    return entry if is_due_in_time(entry) and fits(entry) else None


def overlaid(stored: Detector, entry: Small | None) -> Detector:
    """The detector as it is: the stored one, with the entry if it was made for that."""
    if entry is None or entry.version != stored.version or stored.snapshot is None:
        return stored
    old = stored.snapshot
    dues = dict(zip(sorted(old.timers), entry.dues, strict=True))
    snapshot = replace(
        old,
        timers={name: replace(timer, due_ms=dues[name]) for name, timer in old.timers.items()},
        variables=old.variables if entry.variables is None else entry.variables,
        inputs=old.inputs if entry.inputs is None else entry.inputs,
    )
    return replace(stored, snapshot=snapshot, changed_at=entry.changed_at, changed_keys=entry.changed_keys)


def _is_alike(before: Detector, after: Detector, shard_id: str) -> bool:
    """In all that an entry does not tell."""
    rest = replace(
        after,
        snapshot=before.snapshot,
        positions=before.positions,
        changed_at=before.changed_at,
        changed_keys=before.changed_keys,
    )
    old, new = before.positions.get(shard_id), after.positions.get(shard_id)
    is_fed_alike = before.positions.keys() == after.positions.keys() and old and new and old.thing == new.thing
    return bool(is_fed_alike) and rest == before


def _is_same_course(old: Snapshot, new: Snapshot) -> bool:
    """The same state, and the same timers but for when they are due."""
    return old.state == new.state and old.cleared == new.cleared and _timers(old) == _timers(new)


def _timers(snapshot: Snapshot) -> dict[str, Timer]:
    return {name: replace(timer, due_ms=0) for name, timer in snapshot.timers.items()}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any] | None:
    return earlier if _bytes(old) == _bytes(new) else dict(new)


def _bytes(values: Mapping[str, Any]) -> bytes:
    """In Python 1, 1.0 and True are equal, to a model they are not."""
    return msgspec.json.encode(values, order="deterministic")


def is_due_in_time(entry: Small) -> bool:
    """Whether the index is right about it, or early."""
    if entry.due_ms is None or entry.stored_due_ms is None:
        return entry.due_ms is entry.stored_due_ms
    return entry.due_ms >= entry.stored_due_ms


def fits(entry: Small) -> bool:
    """Whether it is short enough, and of what a log can hold."""
    try:
        return len(msgspec.msgpack.encode(entry)) <= LARGEST_BYTES
    except (OverflowError, TypeError):
        return False


class _Columns(msgspec.Struct, array_like=True):
    """Entries by column, times as what has passed since the last change: so they pack to a third."""

    gone: list[str] = []
    names: list[str] = []
    versions: list[int] = []
    stored_due_ms: list[int | None] = []
    due_ms: list[int | None] = []
    dues: list[list[int]] = []
    changed_at: list[int] = []
    changed_keys: list[tuple[str, ...]] = []
    variables: list[dict[str, Any] | None] = []
    inputs: list[dict[str, Any] | None] = []


_decoder = msgspec.msgpack.Decoder(_Columns)


_NO_COLUMNS: Final[Sequence[list[Any]]] = [[]] * 8


def pack(entries: Mapping[str, Small], gone: Collection[str] = ()) -> bytes:
    """`gone` are the detectors whose earlier entry counts no more."""
    names = sorted(entries)
    rows = [msgspec.structs.astuple(entries[name]) for name in names]
    versions, stored, due, dues, at, keys, variables, inputs = (
        map(list, zip(*rows, strict=True)) if rows else _NO_COLUMNS
    )
    columns = _Columns(
        gone=sorted(gone),
        names=names,
        versions=versions,
        stored_due_ms=list(map(_since, stored, at)),
        due_ms=list(map(_since, due, at)),
        dues=[[each - then for each in some] for some, then in zip(dues, at, strict=True)],
        changed_at=at,
        changed_keys=keys,
        variables=variables,
        inputs=inputs,
    )
    return zlib.compress(msgspec.msgpack.encode(columns))


def unpack(bodies: Iterable[bytes], before: Mapping[str, Small] | None = None) -> dict[str, Small]:
    """What packed pages, in their order, come to, after what was `before`."""
    entries = dict(before or {})
    for body in bodies:
        columns = _decoder.decode(zlib.decompress(body))
        for name in columns.gone:
            entries.pop(name, None)
        entries |= zip(columns.names, _entries(columns), strict=True)
    return entries


def _entries(columns: _Columns) -> Iterable[Small]:
    _, _, *rest = msgspec.structs.astuple(columns)
    for version, stored, due, dues, at, keys, variables, inputs in zip(*rest, strict=True):
        times = _after(stored, at), _after(due, at), tuple(each + at for each in dues)
        yield Small(version, *times, at, keys, variables, inputs)


def _since(time_ms: int | None, at: int) -> int | None:
    return None if time_ms is None else time_ms - at


def _after(passed_ms: int | None, at: int) -> int | None:
    return None if passed_ms is None else passed_ms + at
