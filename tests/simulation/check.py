"""What must not depend on what went wrong: detectors, their effects and the order of these, all of them carried out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from coldwatch.detection.detector import Detector
from coldwatch.detection.effect import decode_effect, detector_id, encode_effect
from tests.simulation.environments import observed
from tests.simulation.models import IN_ANY_ORDER
from tests.simulation.world import World

_TALLIES: Final = tuple(detector_id(name, "") for name in IN_ANY_ORDER)
_TALLIED: Final = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """`at_ms` is about when it shows, `subject` the detector, if that can be told."""

    text: str
    at_ms: int | None = None
    subject: str = ""


def differences(calm: World, stormy: World) -> list[Difference]:
    """None if all is well. A run in which other records were given up need not come to the same."""
    found = [*_uncarried(calm), *_uncarried(stormy)]
    if sorted(calm.source.given_up) == sorted(stormy.source.given_up):
        effects = _effects(calm), _effects(stormy)
        found += [_unlike_effects(name, *pair) for name, pair in _unlike(*effects)]
        detectors = _detectors(calm), _detectors(stormy)
        found += [_unlike_detectors(name, *pair) for name, pair in _unlike(*detectors)]
    return found


def _uncarried(world: World) -> Iterator[Difference]:
    for name, effects in world.accepted.items():
        for effect_id, body in effects.items():
            if effect_id not in world.carried:
                yield Difference(f"{name}: never carried out: {_told(body)}")
    for name, item in world.store.tables["detectors"].items():
        if "owed" in item:
            yield Difference(f"{name}: an hour later it still owes effects", subject=name)
    yield from (Difference(f"carried out again though it was marked as done: {each}") for each in world.twice)
    yield from (Difference(f"parked: {each}") for each in world.parked)


def _unlike[T](calm: Mapping[str, T], stormy: Mapping[str, T]) -> Iterator[tuple[str, tuple[T | None, T | None]]]:
    for name in sorted(calm.keys() | stormy.keys()):
        pair = calm.get(name), stormy.get(name)
        if pair[0] != pair[1]:
            yield name, pair


def _unlike_effects(name: str, calm: Sequence[str] | None, stormy: Sequence[str] | None) -> Difference:
    """From where they part."""
    expected, found = calm or (), stormy or ()
    same = next((n for n, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), None)
    place = min(len(expected), len(found)) if same is None else same
    first = decode_effect((expected[place : place + 1] or found[place : place + 1])[0])
    sides = [
        f"{len(each)} effects, from number {place + 1}: {', '.join(map(_told, each[place : place + 3])) or 'no more'}"
        for each in (expected, found)
    ]
    return Difference(_sides(name, *sides), first.occurred_at, name)


def _unlike_detectors(name: str, calm: Any, stormy: Any) -> Difference:
    changed = [each[1] for each in (calm, stormy) if each is not None and len(each) > _TALLIED]
    return Difference(_sides(name, str(calm), str(stormy)), min(changed, default=None), name)


def _sides(name: str, calm: str, stormy: str) -> str:
    return f"{name}\n  without faults: {calm}\n  with faults:    {stormy}"


def _told(body: str) -> str:
    effect = decode_effect(body)
    time = datetime.fromtimestamp(effect.occurred_at / 1000, UTC).strftime("%H:%M:%S")
    payload = "" if effect.action.type == "lambda" else f" {effect.action.payload}"
    return f"{effect.event_name} at {time}{payload} ({effect.effect_id[:8]})"


def _detectors(world: World) -> dict[str, Any]:
    return {name: _essence(each) for name, each in observed(world).items()}


def _essence(detector: Detector) -> tuple[Any, ...]:
    """All but what says how it got there: how often it was written, and which records it has seen."""
    if detector.model in IN_ANY_ORDER:
        assert detector.snapshot is not None
        return (detector.snapshot.state, dict(detector.snapshot.variables))
    snapshot = detector.snapshot.to_document() if detector.snapshot else None
    own = (detector.changed_keys, detector.device_id, detector.application, detector.profile)
    return (snapshot, detector.changed_at, *own)


def _effects(world: World) -> dict[str, list[str]]:
    """By detector, in the order in which the queue first took them; of tallies in any order, without their times."""
    return {
        name: sorted(map(_timeless, effects.values())) if name.startswith(_TALLIES) else list(effects.values())
        for name, effects in world.accepted.items()
    }


def _timeless(body: str) -> str:
    """Of effects whose messages come in any order all but the id may differ."""
    effect = decode_effect(body)
    action = replace(effect.action, action_execution_id="")
    return encode_effect(
        replace(effect, occurred_at=0, trigger={}, profile=None, device_id="", application="", action=action)
    )
