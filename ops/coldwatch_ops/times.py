"""Times: epoch milliseconds UTC inside, RFC 3339 for people."""

import re
from datetime import UTC, datetime, timedelta

from coldwatch_ops.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_RELATIVE = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_EPOCH_MS = re.compile(r"\d{10,15}", re.ASCII)


def parse_time(text: str, *, now_ms: int) -> int:
    """Epoch milliseconds of `2026-11-20T21:00:00Z`, of epoch ms as digits, or of a time ago such as `90s`, `2h`, `7d`.

    A date stands for its midnight, and a time without an offset is UTC.

    >>> parse_time("2h", now_ms=10_000_000)
    2800000
    """
    if relative := _RELATIVE.fullmatch(text):
        return now_ms - int(relative[1]) * _UNIT_MS[relative[2]]
    if _EPOCH_MS.fullmatch(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time: give RFC 3339 (2026-11-20T21:00:00Z), epoch milliseconds, or an age such as 2h."
        ) from None
    return to_epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def parse_length(text: str) -> int:
    """Milliseconds of `90s`, `30m`, `4h`, `2d`: how long, and never a moment.

    >>> parse_length("2h")
    7200000
    """
    length = _RELATIVE.fullmatch(text)
    if not length or not int(length[1]):
        raise UsageError(f"{text!r} is not a length of time: give it as 30m, 4h or 2d.")
    return int(length[1]) * _UNIT_MS[length[2]]


def to_epoch_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def rfc3339(epoch_ms: int | None) -> str:
    """`2026-11-20T21:00:00.000Z`; empty for no time; the number itself where no calendar reaches.

    >>> rfc3339(0)
    '1970-01-01T00:00:00.000Z'
    """
    if epoch_ms is None:
        return ""
    try:
        moment = _EPOCH + timedelta(milliseconds=epoch_ms)
    except OverflowError:
        return str(epoch_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
