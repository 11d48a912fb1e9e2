"""The ids of the last minutes, in no more memory than they need."""

from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import Final

_SLICE_MS: Final = 60_000


@dataclass(slots=True)
class _Slice:
    """What came within a minute: the ids in the order in which they came, and when each did."""

    begins_ms: int
    ids: dict[str, None] = field(default_factory=dict)
    times: "array[int]" = field(default_factory=lambda: array("q"))


class Repeats:
    """Knows every id that came less than `within_ms` ago, to the millisecond. Time never runs backwards.

    Ids are forgotten a minute's slice at a time: only the oldest slice is looked through one by one, when its turn has
    come. A dictionary from which the oldest entry is taken again and again is scanned from its beginning each time.
    """

    def __init__(self, within_ms: int) -> None:
        self._within_ms = within_ms
        self._slices = deque[_Slice]()
        self._leaving: dict[str, None] = {}
        self._order: deque[str] = deque()
        self._times: array[int] = array("q")
        self._gone = 0
        """How many of the leaving ones have left."""

    def __len__(self) -> int:
        return len(self._leaving) + sum(len(each.ids) for each in self._slices)

    def is_repeat(self, identity: str, now_ms: int) -> bool:
        """Whether it has come within the time; one that has not has now. A repeat does not make it any younger."""
        oldest_ms = now_ms - self._within_ms
        if self._order or (self._slices and self._slices[0].begins_ms <= oldest_ms):
            self._forget(oldest_ms)
        if identity in self._leaving:
            return True
        for each in self._slices:
            if identity in each.ids:
                return True
        self._note(identity, now_ms)
        return False

    def _note(self, identity: str, now_ms: int) -> None:
        if not self._slices or now_ms >= self._slices[-1].begins_ms + _SLICE_MS:
            self._slices.append(_Slice(now_ms))
        youngest = self._slices[-1]
        youngest.ids[identity] = None
        youngest.times.append(now_ms)

    def _forget(self, oldest_ms: int) -> None:
        """Everything up to that time, which is included."""
        while True:
            while self._order and self._times[self._gone] <= oldest_ms:
                del self._leaving[self._order.popleft()]
                self._gone += 1
            if self._order or not self._slices or self._slices[0].begins_ms > oldest_ms:
                return
            leaving = self._slices.popleft()
            self._leaving, self._times, self._gone = leaving.ids, leaving.times, 0
            self._order = deque(leaving.ids)
