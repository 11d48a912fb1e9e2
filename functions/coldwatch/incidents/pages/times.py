"""Times for somebody who was asleep a minute ago: the clock's, and how far it is from now."""

from datetime import UTC, tzinfo

from coldwatch.incidents.time_zones import local_time
from coldwatch.incidents.wording import moment, short_moment

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_NEAR_MS = 18 * 3_600_000


def lasting(seconds: int) -> str:
    """Two units at most.

    >>> lasting(42), lasting(1020), lasting(7500), lasting(90_000)
    ('42 s', '17 min', '2 h 5 min', '1 d 1 h')
    """
    if seconds < _MINUTE_S:
        return f"{max(seconds, 0)} s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} min"
    if seconds < _DAY_S:
        return _two(seconds // _HOUR_S, "h", seconds % _HOUR_S // _MINUTE_S, "min")
    return _two(seconds // _DAY_S, "d", seconds % _DAY_S // _HOUR_S, "h")


def from_now(at: int, now_ms: int) -> str:
    """How far away a moment is, behind or ahead.

    >>> from_now(0, 300_000), from_now(300_000, 0), from_now(0, 20_000)
    ('5 min ago', 'in 5 min', 'just now')
    """
    seconds = (at - now_ms) // 1000
    if abs(seconds) < _MINUTE_S:
        return "just now" if seconds <= 0 else "in less than a minute"
    return f"in {lasting(seconds)}" if seconds > 0 else f"{lasting(-seconds)} ago"


def clock(at: int, now_ms: int, zone: tzinfo = UTC) -> str:
    """The time of day; with the day, where it could be taken for another one.

    >>> clock(1767225600000, 1767225660000), clock(1767225600000, 1767398400000)
    ('00:00 UTC', '1 Jan 00:00 UTC')
    """
    if abs(at - now_ms) >= _NEAR_MS:
        return short_moment(at, zone)
    local, name = local_time(at, zone)
    return f"{local:%H:%M} {name}"


def clock_and_distance(at: int, now_ms: int, zone: tzinfo = UTC) -> str:
    return f"{clock(at, now_ms, zone)} ({from_now(at, now_ms)})"


def stamp(at: int, zone: tzinfo = UTC) -> str:
    """A moment as HTML, to the second: in UTC for programs, on the reader's clock for people."""
    local, name = local_time(at, zone)
    return f'<time datetime="{moment(at).replace(" ", "T")}">{local:%Y-%m-%d %H:%M:%S} {name}</time>'


def _two(first: int, first_unit: str, second: int, second_unit: str) -> str:
    return f"{first} {first_unit} {second} {second_unit}" if second else f"{first} {first_unit}"
