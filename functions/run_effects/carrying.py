"""Carrying out a batch of effects: each once, those of one detector in their order.

What fails is tried again for about an hour, and holds back what is behind it of the same detector meanwhile. What can
never be carried out, and what has failed for the last time, is parked with its reason at once, so that a recovery is
not parked along with an unknown action that stands before it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from coldwatch.detection.effect import Effect, decode_effect
from coldwatch.detection.errors import EffectError
from coldwatch.detection.ports import DoneMarkers, EffectTargets

TRIES: Final = 14
"""With the delays below, one hour and four minutes. The queue itself parks only what functions die of."""
_LONGEST_DELAY_S: Final = 405


@dataclass(frozen=True, slots=True)
class QueuedEffect:
    """A message of the queue. Messages of one `group` are in order, and stay so."""

    message_id: str
    group: str
    body: str
    receipt_handle: str = ""
    times_received: int = 1

    @property
    def again_after_s(self) -> int:
        """Soon at first, since somebody waits for it, then later and later."""
        return min(5 * int(3 ** min(self.times_received - 1, 9)), _LONGEST_DELAY_S)

    @property
    def is_last_try(self) -> bool:
        return self.times_received >= TRIES


class ParkedEffects(Protocol):
    def park(self, message: QueuedEffect, reason: str) -> None:
        """Keep it where people look, until they send it again."""


@dataclass(frozen=True, slots=True)
class Ports:
    markers: DoneMarkers
    targets: EffectTargets
    parked: ParkedEffects


@dataclass(slots=True)
class Carried:
    """`done` now, `known` from before, `parked` for people to look at, with its reason. `failures` by message id."""

    done: list[Effect] = field(default_factory=list)
    known: list[Effect] = field(default_factory=list)
    parked: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)
    kept_back: dict[str, int] = field(default_factory=dict)
    """Behind a failure of their group, or not begun in time: after how many seconds they come again."""

    @property
    def unfinished_ids(self) -> list[str]:
        return [*self.failures, *self.kept_back]


def queued_effect(record: Mapping[str, Any]) -> QueuedEffect:
    """Read one member of `Records` of an SQS invocation event. A queue without order makes a group of each message."""
    attributes = record.get("attributes", {})
    group = attributes.get("MessageGroupId") or record["messageId"]
    times = int(attributes.get("ApproximateReceiveCount", 1))
    return QueuedEffect(record["messageId"], group, record["body"], record.get("receiptHandle", ""), times)


def carry_out_all(
    messages: Sequence[QueuedEffect], ports: Ports, *, now_ms: int, has_time: Callable[[], bool]
) -> Carried:
    """`has_time` says whether another effect can still be carried out before the function is stopped.

    A mark is made once an effect is done, so a crash in between does it again: whoever is told knows its id.
    """
    carried = Carried()
    stuck: dict[str, int] = {}
    for message in messages:
        if message.group in stuck or not has_time():
            carried.kept_back[message.message_id] = stuck.setdefault(message.group, 0)
            continue
        try:
            _carry_out(message, ports, carried, now_ms)
        except Exception as error:  # noqa: BLE001 - the edge: what fails must not cost other detectors' effects
            carried.failures[message.message_id] = error
            stuck[message.group] = message.again_after_s
    return carried


def _carry_out(message: QueuedEffect, ports: Ports, carried: Carried, now_ms: int) -> None:
    try:
        effect = decode_effect(message.body)
        if ports.markers.is_done(effect.effect_id):
            carried.known.append(effect)
            return
        ports.targets.carry_out(effect)
    except Exception as error:
        if not (isinstance(error, EffectError) or message.is_last_try):
            raise
        reason = f"{type(error).__name__}: {error}"
        ports.parked.park(message, reason)
        carried.parked[message.message_id] = reason
        return
    ports.markers.mark(effect.effect_id, now_ms=now_ms)
    carried.done.append(effect)
