"""Times, spans of time and responders in the words of a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from coldwatch.incidents.policy import Responder
from coldwatch_ops.errors import UsageError


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not a zone's name, one of a folder, one that nobody has
        raise UsageError(f"There is no time zone {name}: give one such as Europe/Berlin.") from None


def names(responders: Sequence[Responder]) -> str:
    return ", ".join(
        (f"rota {each.rota}" if each.rota else f"{each.contact}") + by_channels(each.channels) for each in responders
    )


def duration(seconds: int) -> str:
    """In words: `90 s`, `15 min`, `2 h`, `1 h 30 min`, `2 d`."""
    if seconds < 60 or seconds % 60:
        return f"{seconds} s"
    parts = ((seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def offset(seconds: int) -> str:
    """As `h:mm:ss`."""
    return str(timedelta(seconds=seconds))


def clock(at_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %Z")


def by_channels(channels: Sequence[str]) -> str:
    return f" by {', '.join(channels)}" if channels else ""
