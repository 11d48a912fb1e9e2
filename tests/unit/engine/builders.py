"""Small models, written where a test needs them."""

from collections.abc import Iterable, Mapping
from typing import Any

from coldwatch.engine.loader import load_model
from coldwatch.engine.machine import Evaluation, Message, advance, evaluate
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot

type Document = dict[str, Any]


def set_variable(name: str, value: str) -> Document:
    return {"setVariable": {"variableName": name, "value": value}}


def set_timer(name: str, seconds: int) -> Document:
    return {"setTimer": {"timerName": name, "seconds": seconds}}


def publish(topic: str, **payload: str) -> Document:
    own = {"payload": payload} if payload else {}
    return {"iotTopicPublish": {"mqttTopic": topic, **own}}


def event(name: str, condition: str | None = None, *actions: Document, to: str | None = None) -> Document:
    document: Document = {"eventName": name, "actions": list(actions)}
    if condition is not None:
        document["condition"] = condition
    if to is not None:
        document["nextState"] = to
    return document


def state(
    name: str,
    events: Iterable[Document] = (),
    *,
    enter: Iterable[Document] = (),
    leave: Iterable[Document] = (),
) -> Document:
    """Of the events, those with a next state are transitions."""
    listed = list(events)
    return {
        "stateName": name,
        "onEnter": {"events": list(enter)},
        "onInput": {
            "events": [each for each in listed if "nextState" not in each],
            "transitionEvents": [each for each in listed if "nextState" in each],
        },
        "onExit": {"events": list(leave)},
    }


def document(*states: Document, method: str = "BATCH", key: str | None = None) -> Document:
    return {
        "detectorModelName": "model",
        "evaluationMethod": method,
        **({} if key is None else {"key": key}),
        "detectorModelDefinition": {"states": list(states), "initialStateName": states[0]["stateName"]},
    }


def model(*states: Document, method: str = "BATCH", key: str | None = None) -> DetectorModel:
    return load_model(document(*states, method=method, key=key))


def message(payload: Mapping[str, Any] | None = None, *, of: str = "i", message_id: str = "m") -> Message:
    return Message(of, payload or {}, message_id)


class Detector:
    """A detector without a key, kept from step to step."""

    snapshot: Snapshot | None = None

    def __init__(self, runs: DetectorModel) -> None:
        self.model = runs

    def receive(self, payload: Mapping[str, Any] | None = None, *, at: int = 0, of: str = "i") -> Evaluation:
        evaluation = evaluate(self.model, self.snapshot, message(payload, of=of), key=None, now_ms=at)
        self.snapshot = evaluation.after
        return evaluation

    def wait(self, until: int) -> list[Evaluation]:
        if self.snapshot is None:
            return []
        evaluations = advance(self.model, self.snapshot, key=None, until_ms=until)
        if evaluations:
            self.snapshot = evaluations[-1].after
        return evaluations

    @property
    def variables(self) -> dict[str, Any]:
        assert self.snapshot is not None
        return dict(self.snapshot.variables)
