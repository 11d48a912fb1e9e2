"""Two SQS queues in memory: effects (FIFO) and timers (standard, delayed)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.wire import Wire

EFFECTS: Final = "effects"
TIMERS: Final = "timers"
DEDUPLICATED_MS: Final = 300_000
EFFECTS_HIDDEN_MS: Final = 120_000
TIMERS_HIDDEN_MS: Final = 360_000
EFFECTS_RECEIVED: Final = 20
TIMERS_RECEIVED: Final = 8
"""As template.yaml has them: the visibility time-outs and the redrive policies."""
LONGEST_DELAY_S: Final = 900
REORDERED_MS: Final = 10_000
REFUSED_MS: Final = 20_000
LARGEST_REQUEST: Final = 262_144


@dataclass(slots=True)
class Message:
    message_id: str
    body: str
    group: str
    visible_at: int
    times_received: int = 0


@dataclass(slots=True)
class FifoQueue:
    """Of a group nothing is given out while something of it is hidden. `refused` are groups that a send is not taken
    for, and until when.
    """

    messages: list[Message] = field(default_factory=list)
    sent_at: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    dead: list[Message] = field(default_factory=list)

    def send(self, body: str, group: str, deduplication_id: str, now_ms: int) -> bool:
        """Whether it is new."""
        known_at = self.sent_at.get(deduplication_id)
        if known_at is not None and now_ms < known_at + DEDUPLICATED_MS:
            return False
        self.sent_at[deduplication_id] = now_ms
        self.messages.append(Message(f"m{len(self.sent_at)}-{now_ms}", body, group, now_ms))
        return True

    def receive(self, most: int, now_ms: int) -> list[Message]:
        hidden = {each.group for each in self.messages if each.visible_at > now_ms}
        found: list[Message] = []
        for each in list(self.messages):
            if len(found) == most:
                break
            if each.group in hidden:
                continue
            each.times_received += 1
            if each.times_received > EFFECTS_RECEIVED:
                self.messages.remove(each)
                self.dead.append(each)
            else:
                found.append(each)
        for each in found:
            each.visible_at = now_ms + EFFECTS_HIDDEN_MS
        return found

    def delete(self, messages: Sequence[Message]) -> None:
        gone = {id(each) for each in messages}
        self.messages = [each for each in self.messages if id(each) not in gone]


@dataclass(slots=True)
class StandardQueue:
    """In no order: each message has its own time."""

    messages: dict[str, Message] = field(default_factory=dict)
    made: int = 0
    dead: int = 0

    def send(self, body: str, visible_at: int) -> Message:
        self.made += 1
        message = self.messages[f"t{self.made}"] = Message(f"t{self.made}", body, "", visible_at)
        return message

    def receive(self, most: int, now_ms: int) -> list[Message]:
        found: list[Message] = []
        for each in list(self.messages.values()):
            if each.visible_at > now_ms or len(found) == most:
                continue
            each.times_received += 1
            each.visible_at = now_ms + TIMERS_HIDDEN_MS
            if each.times_received > TIMERS_RECEIVED:
                self.dead += 1
                del self.messages[each.message_id]
            else:
                found.append(each)
        return found


class SqsClient:
    """What an environment holds of both queues; boto3's names and answers."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        assert 0 < len(Entries) <= 10, "at most ten"
        assert len({each["Id"] for each in Entries}) == len(Entries), "ids differ"
        assert sum(len(each["MessageBody"]) for each in Entries) <= LARGEST_REQUEST, "too large"
        send = self._send_effects if QueueUrl == EFFECTS else self._send_timers
        return self.wire.call("SendMessageBatch", f"{len(Entries)} to {QueueUrl}", lambda: send(Entries))

    def _send_effects(self, entries: Sequence[Any]) -> dict[str, Any]:
        queue, now_ms = self.wire.world.effects, self.wire.now_ms
        self._refuse_some({each["MessageGroupId"] for each in entries})
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for each in entries:
            group = each["MessageGroupId"]
            if queue.refused.get(group, 0) > now_ms:
                answer["Failed"].append({"Id": each["Id"], "SenderFault": False, "Code": "InternalError"})
                continue
            is_new = queue.send(each["MessageBody"], group, each["MessageDeduplicationId"], now_ms)
            self.wire.world.take_effect(each["MessageBody"], is_new=is_new)
            answer["Successful"].append({"Id": each["Id"]})
        return answer

    def _refuse_some(self, groups: Iterable[str]) -> None:
        chance, queue = self.wire.world.chance, self.wire.world.effects
        for group in sorted(groups):
            if chance.strikes("partial_failure"):
                queue.refused[group] = self.wire.later(REFUSED_MS)
                self.wire.tell("is not rid of", f"effects of group {group[:6]}")

    def _send_timers(self, entries: Sequence[Any]) -> dict[str, Any]:
        world = self.wire.world
        left = self.wire.part_of(len(entries))
        for place, each in enumerate(entries):
            if place in left:
                continue
            assert 0 <= each["DelaySeconds"] <= LONGEST_DELAY_S
            visible_at = self.wire.now_ms + 1000 * each["DelaySeconds"]
            if world.chance.strikes("reorder"):
                visible_at = visible_at + world.chance.between(0, REORDERED_MS)
            world.hide_timer(each["MessageBody"], visible_at)
            if world.chance.strikes("duplicate"):
                world.hide_timer(each["MessageBody"], visible_at + world.chance.between(0, REORDERED_MS))
        return {"Failed": [{"Id": entries[place]["Id"]} for place in sorted(left)]}
