"""Local times as instants. A clock that is set forward skips an hour, and one that is set back has an hour twice.

The answer is that of calendars (RFC 5545): a time that comes twice is the first of the two; one that does not come is
counted with the offset from before the change, so 02:30 in a night that jumps from 02:00 to 03:00 is 03:30.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(day: date, at: time, zone: ZoneInfo) -> int:
    """Epoch milliseconds of a local date and time.

    >>> instant(date(1970, 1, 1), time(1), ZoneInfo("Europe/Berlin"))
    0
    """
    return to_ms(datetime.combine(day, at.replace(fold=0), zone))


def local_date(at_ms: int, zone: ZoneInfo) -> date:
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).date()


def to_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
