"""Carrying out a batch of effects: each once, those of one detector in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldwatch.detection.effect import Effect, decode_effect
from coldwatch.detection.ports import DoneMarkers, EffectTargets


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
        """Soon at first, since somebody waits for it, then later and later: 10 minutes until the queue parks it."""
        return min(5 * int(3 ** (self.times_received - 1)), 405)


@dataclass(frozen=True, slots=True)
class Carried:
    """`done` now, `known` from before. `failures` by message id; `kept_back` wait behind a failure of their group."""

    done: tuple[Effect, ...]
    known: tuple[Effect, ...]
    failures: Mapping[str, Exception]
    kept_back: tuple[str, ...]

    @property
    def failed_ids(self) -> list[str]:
        return [*self.failures, *self.kept_back]


def queued_effect(record: Mapping[str, Any]) -> QueuedEffect:
    """Read one member of `Records` of an SQS invocation event. A queue without order makes a group of each message."""
    attributes = record.get("attributes", {})
    group = attributes.get("MessageGroupId") or record["messageId"]
    times = int(attributes.get("ApproximateReceiveCount", 1))
    return QueuedEffect(record["messageId"], group, record["body"], record.get("receiptHandle", ""), times)


def carry_out_all(
    messages: Sequence[QueuedEffect], markers: DoneMarkers, targets: EffectTargets, *, now_ms: int
) -> Carried:
    """A mark is made once an effect is done, so a crash in between does it again: whoever is told knows its id."""
    done: list[Effect] = []
    known: list[Effect] = []
    failures: dict[str, Exception] = {}
    kept_back: list[str] = []
    stuck: set[str] = set()
    for message in messages:
        if message.group in stuck:
            kept_back.append(message.message_id)
            continue
        try:
            effect = decode_effect(message.body)
            if markers.is_done(effect.effect_id):
                known.append(effect)
                continue
            targets.carry_out(effect)
            markers.mark(effect.effect_id, now_ms=now_ms)
            done.append(effect)
        except Exception as error:  # noqa: BLE001 - the edge: what fails must not cost other detectors' effects
            failures[message.message_id] = error
            stuck.add(message.group)
    return Carried(tuple(done), tuple(known), failures, tuple(kept_back))
