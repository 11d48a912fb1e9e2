"""Detectors are changed: read, what they owe sent, changed, written under their version, and what they ask for sent."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from coldwatch.detection.commit import Ports, commit, send_pending
from coldwatch.detection.detector import Detector, without_pending
from coldwatch.detection.errors import DetectorContestedError

TRIES: Final = 10

type Change = Callable[[Mapping[str, Detector]], Mapping[str, Detector]]
"""Of the detectors that there are, by id, those that shall be otherwise, and new ones. It is asked again about those
that somebody else has written meanwhile.
"""


def change_detectors(detector_ids: Collection[str], change: Change, ports: Ports, *, now_ms: int) -> int:
    """How many effects that sent. Raises DetectorContestedError if somebody else comes first again and again."""
    left, effects = set(detector_ids), 0
    for _ in range(TRIES):
        found = ports.detectors.load(left)
        effects += send_pending(found.values(), ports.effects)
        changed = dict(change({name: without_pending(each) for name, each in found.items()}))
        # What was sent is taken off, also of a detector that stays as it is.
        changed |= {name: without_pending(each) for name, each in found.items() if each.pending and name not in changed}
        committed = commit(list(changed.values()), ports, now_ms=now_ms)
        effects += committed.effects
        left = set(committed.moved)
        if not left:
            return effects
    raise DetectorContestedError(f"written by others {TRIES} times while it was changed: {min(left)}")
