"""A device's link: what it buffers while the link is down, repeats, and delivers out of order. Pure.

Nothing is lost here: every message leaves exactly once, and once more for each duplicate. What could not leave in time
leaves at the end of the run.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from simulator.message import Kind, LinkChange, Message, Transmission
from simulator.scenario import Event


@dataclass(frozen=True, slots=True)
class Link:
    """The link of one device in one run. `period_s` is the time between its reports."""

    label: str
    events: tuple[Event, ...]
    period_s: float
    duration_s: float

    def losses(self) -> list[tuple[float, float]]:
        """When the link is down: beginnings and ends, in order, those that touch made one."""
        spans = sorted((e.at_s, e.at_s + (e.for_s or 0)) for e in self.events if e.kind == "link_loss")
        joined: list[tuple[float, float]] = []
        for begins, ends in ((max(0.0, b), min(e, self.duration_s)) for b, e in spans if b < self.duration_s):
            if joined and begins <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
            else:
                joined.append((begins, ends))
        return joined

    def rate(self, kind: str, at_s: float) -> float:
        return max((event.rate for event in self.events if event.kind == kind and event.is_on(at_s)), default=0.0)


def changes(link: Link) -> Iterator[LinkChange]:
    for begins, ends in link.losses():
        yield LinkChange(begins, link.label, is_up=False)
        yield LinkChange(ends, link.label, is_up=True)


def transmit(link: Link, messages: Iterable[Message], chance: Random) -> Iterator[Transmission]:
    """The messages as they go onto the wire, in the order of their going.

    `messages` come in the order of their making and are taken one at a time, so a run without end needs no memory.
    """
    losses = link.losses()
    waiting: list[tuple[float, int, Transmission]] = []
    number = count()
    for message in messages:
        while waiting and waiting[0][0] <= message.at_s:
            yield heapq.heappop(waiting)[2]
        for sent in _sendings(link, losses, message, chance):
            heapq.heappush(waiting, (sent.at_s, next(number), sent))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _sendings(
    link: Link, losses: Sequence[tuple[float, float]], message: Message, chance: Random
) -> Iterator[Transmission]:
    """Only telemetry is repeated or reordered; what is hostile goes as it was asked for.

    Every message draws the same number of times, so that one event does not shift the chance of another.
    """
    reordered, duplicated, late, again = (chance.random() for _ in range(4))
    if message.kind is not Kind.LIVE:
        yield Transmission(_when_up(losses, message.at_s), link.label, message.payload, message.kind)
        return
    is_late = reordered < link.rate("reordering", message.at_s)
    wanted_s = min(message.at_s + (1 + 2 * late) * link.period_s * is_late, link.duration_s)
    leaves_s = _when_up(losses, wanted_s)
    kind = Kind.BUFFERED if leaves_s != wanted_s else Kind.REORDERED if is_late else Kind.LIVE
    yield Transmission(leaves_s, link.label, message.payload, kind)
    if duplicated < link.rate("duplicates", message.at_s):
        repeat_s = _when_up(losses, min(leaves_s + 2 * again * link.period_s, link.duration_s))
        yield Transmission(repeat_s, link.label, message.payload, Kind.DUPLICATE)


def _when_up(losses: Sequence[tuple[float, float]], at_s: float) -> float:
    return next((ends for begins, ends in losses if begins <= at_s < ends), at_s)
