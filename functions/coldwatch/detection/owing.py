"""What an evaluation asks for, as effects that its detector owes until they are sent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.effect import MOST_BYTES, Effect, EffectAction, effect_id, weight
from coldwatch.engine.errors import Level
from coldwatch.engine.evaluation import Evaluation, Note

type Cause = tuple[str | int, ...]


def owing(
    detector: Detector, evaluation: Evaluation, cause: Cause, watch: Watch, profile: dict[str, Any] | None
) -> tuple[Detector, Sequence[Note]]:
    """The detector with the effects to send, but for those that are too large: they could be stored and never sent, and
    nothing would ever be sent after them. It depends on one evaluation alone, so it is the same at every delivery.
    """
    kept: list[Effect] = []
    omitted: list[Note] = []
    for effect in _effects(detector, evaluation, cause, watch, profile):
        if weight([*kept, effect]) <= MOST_BYTES:
            kept.append(effect)
        else:
            omitted.append(_too_large(effect))
    return replace(detector, pending=(*detector.pending, *kept)), omitted


def _too_large(effect: Effect) -> Note:
    return Note(
        Level.ERROR,
        "",
        effect.event_name,
        f"{effect.detector_id}: the action {effect.action.type} was not performed: it sends {weight([effect]):,} bytes,"
        f" and all actions of an evaluation together may send {MOST_BYTES:,}. Make its content expression shorter.",
    )


def _effects(
    detector: Detector, evaluation: Evaluation, cause: Cause, watch: Watch, profile: dict[str, Any] | None
) -> Sequence[Effect]:
    return [
        Effect(
            effect_id=effect_id(detector.detector_id, cause, index),
            detector_model=detector.model,
            model_version=watch.version,
            key=detector.key,
            device_id=detector.device_id,
            application=detector.application,
            event_name=action.event_name,
            occurred_at=evaluation.time_ms,
            clock=detector.clock,
            trigger=evaluation.trigger.to_document(),
            profile=profile,
            action=EffectAction(action.type, dict(action.fields), action.payload, action.action_execution_id),
        )
        for index, action in enumerate(evaluation.actions)
    ]
