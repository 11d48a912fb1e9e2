"""Writes of detectors from outside the batches of their shard: by the sweep, by operators, by another shard.

The environment that evaluates a shard remembers its detectors and may have small changes of them in the shard's log.
So each write from outside is one transaction with the shard's checkpoint: the checkpoint must stand as it did when the
log was read, and its generation is raised, which tells the environment whom to read again.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from coldwatch.detection.commit import Ports, commit, send_pending, wake_soon
from coldwatch.detection.detector import Detector, encode_detector, without_pending
from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.overlay import Loaded, load
from coldwatch.detection.ports import DetectorStore

TRIES: Final = 10
"""How often somebody else may come first. A busy shard moves each second, and a write takes a few milliseconds."""
MOST_ACTIONS: Final = 100
MOST_BYTES: Final = 3_500_000
"""Amazon DynamoDB quotas: a transaction has at most 100 actions and 4 MB. One action may tell of new detectors."""

type Change = Callable[[Mapping[str, Detector]], Mapping[str, Detector]]
"""Of detectors, as they are, those that shall be otherwise, by id; also new ones. It is asked again about those that
somebody else has written by then.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`found` are the ids of those that there are, `stored` those that were changed, as they are now; `settled` are
    those that stayed, and owed effects, which were sent.
    """

    found: frozenset[str]
    stored: Mapping[str, Detector]
    settled: frozenset[str]
    effects: int


@dataclass(slots=True)
class _Progress:
    left: set[str]
    found: set[str] = field(default_factory=set)
    stored: dict[str, Detector] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    effects: int = 0

    @property
    def outcome(self) -> Outcome:
        return Outcome(frozenset(self.found), self.stored, frozenset(self.settled), self.effects)


def write_outside(detector_ids: Collection[str], change: Change, ports: Ports, *, now_ms: int) -> Outcome:
    """Change detectors, each under its version, and tell their shards; send what they ask for.

    Those of a shard are written up to 98 at a time. What somebody else has written meanwhile is read and changed again;
    raises DetectorContestedError if that happens too often, when others of them may be written already.
    """
    progress = _Progress(set(detector_ids))
    for _ in range(TRIES):
        _try(progress, change, ports, now_ms)
        if not progress.left:
            return progress.outcome
    raise DetectorContestedError(f"somebody else came first {TRIES} times: {min(progress.left)}")


def _try(progress: _Progress, change: Change, ports: Ports, now_ms: int) -> None:
    loaded = load(progress.left, ports.detectors, ports.logs)
    progress.found |= loaded.detectors.keys()
    progress.effects += send_pending(loaded.detectors.values(), ports.effects)
    changed = change({name: without_pending(each) for name, each in loaded.detectors.items()})
    unchanged = [each for name, each in loaded.detectors.items() if name not in changed]
    progress.settled |= _settle([each for each in unchanged if each.pending], ports, now_ms)

    def write(detectors: Sequence[Detector]) -> set[str]:
        return write_with_homes(detectors, loaded, ports.detectors, now_ms=now_ms)

    committed = commit(list(changed.values()), write, ports, now_ms=now_ms)
    progress.stored |= {each.detector_id: each for each in committed.stored}
    progress.effects += committed.effects
    progress.left = set(committed.moved)


def _settle(owing: Sequence[Detector], ports: Ports, now_ms: int) -> set[str]:
    """Note that their effects are sent. Timers that stood in the index behind the effects may be due soon."""
    if owing:
        ports.detectors.settle(owing)
        wake_soon(owing, ports.timers, now_ms=now_ms)
    return {each.detector_id for each in owing}


def write_with_homes(detectors: Sequence[Detector], loaded: Loaded, store: DetectorStore, *, now_ms: int) -> set[str]:
    """Write detectors that were `loaded`; the ids of those that somebody, or something of their shard, came before.

    One transaction for those of a shard, or several, one after the other: each raises the generation.
    """
    moved: set[str] = set()
    groups: dict[frozenset[str], list[Detector]] = defaultdict(list)
    for each in detectors:
        known = loaded.detectors.get(each.detector_id)
        groups[known.homes.intersection(loaded.logs) if known else frozenset()].append(each)
    stands = {home: logged.checkpoint for home, logged in loaded.logs.items()}
    for homes, group in groups.items():
        for part in _parts(group, MOST_ACTIONS - len(homes) - 1):
            names = [each.detector_id for each in part]
            checkpoints = {home: stands[home] for home in homes}
            if store.write_outside(part, checkpoints, now_ms=now_ms):
                stands |= {home: each.raised(names) for home, each in checkpoints.items()}
            else:
                moved.update(names)
    return moved


def _parts(detectors: Sequence[Detector], most: int) -> Iterator[list[Detector]]:
    part: list[Detector] = []
    size = 0
    for each in detectors:
        weight = len(encode_detector(each))
        if part and (len(part) == most or size + weight > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(each)
        size += weight
    if part:
        yield part
