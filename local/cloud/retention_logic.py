"""Which records of a shard are past the stream's retention."""

from bisect import bisect_left
from operator import itemgetter
from typing import Any

_arrival = itemgetter("ApproximateArrivalTimestamp")


def drop_expired(records: list[dict[str, Any]], *, before: float) -> None:
    """Delete from the front, in place, what arrived before `before` (epoch seconds); records stand by arrival.

    In place, so that a record appended meanwhile stays; and without a look at the others, whatever their number.
    """
    if records and _arrival(records[0]) < before:
        del records[: bisect_left(records, before, key=_arrival)]
