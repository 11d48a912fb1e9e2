"""Who is on call: at each instant one contact, or nobody.

A rota is a pile of layers. In each, participants take turns: a shift begins at a local time of day, so many days after
the one before, whatever daylight saving does to the length of the day. A layer may be for certain hours only. The
first layer that has somebody for an instant decides; those below fill what is left. Overrides come before all of them,
the last one that was entered first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from coldwatch.incidents.escalation.local_time import instant, local_date

_DAY = timedelta(days=1)


class RotaError(ValueError):
    """A rota document that is none; each of `faults` is a sentence for its author, and says where."""

    def __init__(self, rota_id: str, faults: Iterable[str]) -> None:
        self.rota_id, self.faults = rota_id, tuple(faults)
        super().__init__(f"rota {rota_id!r}: {'; '.join(self.faults)}")


@dataclass(frozen=True, slots=True)
class Hours:
    """From a local time to the next `until`, on days that begin it (0: Monday). Equal times are a whole day."""

    days: frozenset[int]
    from_: time
    until: time


@dataclass(frozen=True, slots=True)
class Layer:
    """The first shift begins on `start_date`; before, the layer has nobody. No `hours` are all hours."""

    name: str
    participants: tuple[str, ...]
    start_date: date
    hand_over_at: time
    shift_days: int
    hours: tuple[Hours, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    """`contact` stands in from an instant until before another; `who` entered it, and `why`."""

    contact: str
    from_ms: int
    until_ms: int
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rota:
    rota_id: str
    version: str
    zone: ZoneInfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    @property
    def contacts(self) -> frozenset[str]:
        """Everybody it may ever name."""
        taking_turns = (each for layer in self.layers for each in layer.participants)
        return frozenset(taking_turns) | {each.contact for each in self.overrides}


@dataclass(frozen=True, slots=True)
class Turn:
    """Who has it, and by which layer or override."""

    contact: str | None
    layer: str | None = None
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """A turn from an instant until before another."""

    from_ms: int
    until_ms: int
    turn: Turn


def on_call(rota: Rota, at_ms: int) -> tuple[str, ...]:
    """Contact ids; none where the rota has a hole."""
    contact = turn(rota, at_ms).contact
    return (contact,) if contact else ()


def turn(rota: Rota, at_ms: int) -> Turn:
    for override in reversed(rota.overrides):
        if override.from_ms <= at_ms < override.until_ms:
            return Turn(override.contact, override=override)
    for layer in rota.layers:
        if contact := participant(layer, rota.zone, at_ms):
            return Turn(contact, layer.name)
    return Turn(None)


def participant(layer: Layer, zone: ZoneInfo, at_ms: int) -> str | None:
    """Whose turn it is in a layer; None before its start and outside its hours."""
    number = shift_number(layer, zone, at_ms)
    if number < 0 or not _is_within_hours(layer, zone, at_ms):
        return None
    return layer.participants[number % len(layer.participants)]


def shift_number(layer: Layer, zone: ZoneInfo, at_ms: int) -> int:
    """Of the shift that an instant lies in, counted from 0; below 0 before the layer's start."""
    number = (local_date(at_ms, zone) - layer.start_date).days // layer.shift_days
    while hand_over(layer, zone, number + 1) <= at_ms:
        number += 1
    while hand_over(layer, zone, number) > at_ms:
        number -= 1
    return number


def hand_over(layer: Layer, zone: ZoneInfo, number: int) -> int:
    """When the shift `number` begins."""
    return instant(layer.start_date + number * layer.shift_days * _DAY, layer.hand_over_at, zone)


def shifts(rota: Rota, from_ms: int, until_ms: int) -> tuple[Shift, ...]:
    """The turns of a span of time, without a gap between them; the first and the last are cut to it."""
    edges = sorted({from_ms, *(edge for edge in _edges(rota, from_ms, until_ms) if from_ms < edge < until_ms)})
    found: list[Shift] = []
    for begins, ends in zip(edges, [*edges[1:], until_ms], strict=True):
        now = turn(rota, begins)
        if found and found[-1].turn == now:
            begins = found.pop().from_ms  # noqa: PLW2901 - the shift that goes on
        found.append(Shift(begins, ends, now))
    return tuple(found)


def _edges(rota: Rota, from_ms: int, until_ms: int) -> Iterator[int]:
    """All instants at which somebody else may have it, and some more."""
    for override in rota.overrides:
        yield from (override.from_ms, override.until_ms)
    for layer in rota.layers:
        first = max(shift_number(layer, rota.zone, from_ms), 0)
        last = shift_number(layer, rota.zone, until_ms)
        yield from (hand_over(layer, rota.zone, number) for number in range(first, last + 1))
        for day in _days(local_date(from_ms, rota.zone) - _DAY, local_date(until_ms, rota.zone)):
            for hours in layer.hours:
                yield from _window(hours, day, rota.zone)


def _days(first: date, last: date) -> Iterator[date]:
    yield from (first + number * _DAY for number in range((last - first).days + 1))


def _is_within_hours(layer: Layer, zone: ZoneInfo, at_ms: int) -> bool:
    today = local_date(at_ms, zone)
    return not layer.hours or any(
        begins <= at_ms < ends
        for hours in layer.hours
        for day in (today - _DAY, today)
        for begins, ends in [_window(hours, day, zone)]
    )


def _window(hours: Hours, day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The instants of the hours that begin on a day; both the same where none do."""
    begins = instant(day, hours.from_, zone)
    if day.weekday() not in hours.days:
        return begins, begins
    return begins, instant(day if hours.until > hours.from_ else day + _DAY, hours.until, zone)
