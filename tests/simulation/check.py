"""What must not depend on what went wrong: detectors, their effects and the order of these, all of them carried out."""

from collections.abc import Iterator, Mapping
from typing import Any

from coldwatch.detection.detector import Detector
from coldwatch.detection.effect import detector_id
from tests.simulation.environments import observed
from tests.simulation.models import TALLY
from tests.simulation.world import World

_TALLIES = detector_id(TALLY, "")


def differences(calm: World, stormy: World) -> list[str]:
    """In sentences; none if all is well. A run in which other records were given up need not come to the same."""
    found = [*_uncarried(calm), *_uncarried(stormy)]
    if sorted(calm.source.given_up) == sorted(stormy.source.given_up):
        found += _compared("detector", _detectors(calm), _detectors(stormy))
        found += _compared("effects of", _effects(calm), _effects(stormy))
    return found


def _uncarried(world: World) -> Iterator[str]:
    for name, effects in world.accepted.items():
        for effect_id in effects:
            if effect_id not in world.carried:
                yield f"an effect of {name} was never carried out: {effect_id}"
    yield from (f"an effect was carried out again though it was marked as done: {each}" for each in world.twice)
    yield from (f"an effect was parked: {each}" for each in world.parked)


def _compared(what: str, calm: Mapping[str, Any], stormy: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(calm.keys() | stormy.keys()):
        expected, found = calm.get(name), stormy.get(name)
        if expected != found:
            yield f"{what} {name}:\n  without faults {_shown(expected, found)}\n  with them      {_shown(found, expected)}"


def _shown(one: Any, other: Any) -> str:
    """Of lists, from where they part."""
    if not isinstance(one, list) or not isinstance(other, list):
        return str(one)
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{len(one)} in all, from number {same}: {one[same : same + 3]}"


def _detectors(world: World) -> dict[str, Any]:
    return {name: _essence(each) for name, each in observed(world.store).items()}


def _essence(detector: Detector) -> tuple[Any, ...]:
    """All but what says how it got there: how often it was written, and which records it has seen."""
    if detector.model == TALLY:
        assert detector.snapshot is not None
        return (detector.snapshot.state, dict(detector.snapshot.variables))
    snapshot = detector.snapshot.to_document() if detector.snapshot else None
    own = (detector.changed_at, detector.changed_keys, detector.device_id, detector.application, detector.profile)
    return (snapshot, *own)


def _effects(world: World) -> dict[str, list[str]]:
    """By detector, in the order in which the queue first took them."""
    return {
        name: sorted(effects) if name.startswith(_TALLIES) else list(effects.values())
        for name, effects in world.accepted.items()
    }
