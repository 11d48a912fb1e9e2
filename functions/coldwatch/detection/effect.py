"""An effect: an action of a detector, evaluated, on its way to whoever carries it out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from coldwatch.detection.errors import EffectError

LARGEST_BYTES: Final = 200_000
"""What a queue's message may weigh (256 KiB, Amazon SQS quotas), with room for its attributes."""
MOST_BYTES: Final = 100_000
"""What one evaluation may send, all its actions together. Effects are stored with their detector until they are sent,
and an item may weigh 400 KB (Amazon DynamoDB quotas): what was there before (less than enough), what timers add before
a message (less than enough, and then one evaluation's) and what the message adds come to 320 KB at most.
"""
ENOUGH_EFFECTS: Final = 50
ENOUGH_BYTES: Final = 60_000
"""With so much to send a detector goes on only when it is sent."""

_NAMESPACE: Final = UUID("a6a0be5e-1f0e-4b55-8f7e-4f3b0f0f2d11")


class EffectAction(msgspec.Struct, frozen=True):
    """`payload` is a JSON value, or text; None where the action has none."""

    type: str
    fields: dict[str, Any]
    payload: Any
    action_execution_id: str


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """`occurred_at` is the time of the evaluation (epoch ms) on the detector's own `clock`. `profile` holds the
    thresholds in force.
    """

    effect_id: str
    detector_model: str
    model_version: str
    key: str | None
    device_id: str
    application: str
    event_name: str
    occurred_at: int
    clock: str
    trigger: dict[str, Any]
    profile: dict[str, Any] | None
    action: EffectAction

    @property
    def detector_id(self) -> str:
        return detector_id(self.detector_model, self.key)


_decoder = msgspec.json.Decoder(Effect)


def detector_id(model: str, key: str | None) -> str:
    """`{model}/{key}`; a model without key has one detector, whose key is empty.

    >>> detector_id("shock", "acme-fridge-0042")
    'shock/acme-fridge-0042'
    """
    return f"{model}/{key or ''}"


def key_of(detector_id: str) -> str:
    """The value that the detector is keyed by.

    >>> key_of("shock/acme-fridge-0042")
    'acme-fridge-0042'
    """
    return detector_id.partition("/")[2]


def effect_id(detector: str, cause: Sequence[str | int], index: int) -> str:
    """The same whenever the same cause, a message or the expiry of a timer, makes a detector act; text of a UUID."""
    return str(uuid5(_NAMESPACE, msgspec.json.encode((detector, *cause, index)).decode()))


def encode_effect(effect: Effect) -> str:
    """The body of its message; raises EffectError if no queue would take it."""
    body = msgspec.json.encode(effect)
    if len(body) > LARGEST_BYTES:
        raise EffectError(
            f"{effect.detector_id}: what {effect.event_name!r} sends has {len(body):,} bytes; at most"
            f" {LARGEST_BYTES:,} can be handed on. Make the content expression of its action shorter."
        )
    return as_message(body)


def as_message(body: bytes) -> str:
    """JSON as a queue takes it: of what may stand in a text unescaped it refuses these two (Amazon SQS API reference,
    SendMessage).
    """
    return body.decode().replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def decode_effect(body: bytes | str) -> Effect:
    """Raises EffectError for what is no effect."""
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EffectError(f"this message is no effect: {error}") from error


def weight(effects: Iterable[Effect]) -> int:
    """Bytes, as they are stored and sent."""
    return sum(len(msgspec.json.encode(each)) for each in effects)


def is_enough(effects: Sequence[Effect]) -> bool:
    """Whether they have to be sent before more are made."""
    return len(effects) >= ENOUGH_EFFECTS or weight(effects) >= ENOUGH_BYTES


def as_document(profile: Any) -> dict[str, Any] | None:
    """The profile that a payload was joined with, if it was."""
    return dict(profile) if isinstance(profile, Mapping) else None
