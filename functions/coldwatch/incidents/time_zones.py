"""Time zones by their names in the IANA database, and a moment as somebody's own clock shows it."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

_LONGEST_NAME = 64
_FOR_PROGRAMS = ("posix/", "right/", "posixrules", "localtime", "Factory")


class UnknownTimeZoneError(ValueError):
    """Nobody has a time zone of this name; the sentence says what one looks like."""

    def __init__(self, name: object) -> None:
        super().__init__(f"there is no time zone {name!r}; give one such as Europe/Berlin")


def time_zone(name: object) -> ZoneInfo:
    """Raises UnknownTimeZoneError. What a database has for programs (`localtime`, `right/...`) is nobody's zone."""
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or name.startswith(_FOR_PROGRAMS):
        raise UnknownTimeZoneError(name)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not a zone's name, one of a folder, one that nobody has
        raise UnknownTimeZoneError(name) from None


def zone_or_utc(name: object) -> tzinfo:
    """Of a contact: whatever is wrong with it, the message goes out.

    >>> zone_or_utc(""), zone_or_utc("UTC"), zone_or_utc("Nowhere/Land"), zone_or_utc(None)
    (datetime.timezone.utc, datetime.timezone.utc, datetime.timezone.utc, datetime.timezone.utc)
    """
    if name == "UTC":
        return UTC
    try:
        return time_zone(name)
    except UnknownTimeZoneError:
        return UTC


def local_time(at_ms: int, zone: tzinfo) -> tuple[datetime, str]:
    """The time that clocks show there, and what it is called: an abbreviation, or its distance from UTC.

    >>> local_time(1767225600000, ZoneInfo("Europe/Berlin"))[1], local_time(1767225600000, ZoneInfo("Asia/Dubai"))[1]
    ('CET', 'UTC+04:00')
    """
    at = datetime.fromtimestamp(at_ms / 1000, zone)
    name = f"{at:%Z}"
    return at, name if name.isalpha() else f"UTC{at:%:z}"
