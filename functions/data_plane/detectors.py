"""The operations on detectors but for their messages: describe, list, update, delete."""

from collections.abc import Mapping
from typing import Any

import msgspec

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.orders import OrderedState, as_deployed, deleted, replaced
from coldwatch.detection.outside import write_outside
from coldwatch.detection.overlay import load
from coldwatch.engine.actions import MAX_TIMER_S
from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.machines import DetectorMachine
from coldwatch.engine.values import Value, checked_number, checked_text
from data_plane.documents import detector_document, detector_summary
from data_plane.errors import ApiError, invalid, not_found
from data_plane.knowledge import Knowledge, Ports, one_of
from data_plane.listing import list_page

type Document = Mapping[str, Any]


def describe(query: Document, ports: Ports, knowledge: Knowledge) -> dict[str, Any]:
    name, watch = one_of(knowledge.detectors_of(query["detectorModelName"]), query.get("keyValue"))
    return {"detector": detector_document(find(name, watch, ports))}


def find(name: str, watch: Watch, ports: Ports) -> Detector:
    """Raises ApiError if there is none, or if it begins anew with its next message."""
    found = load([name], ports.commit.detectors, ports.commit.logs).detectors
    detector = as_deployed(found[name], watch) if name in found else None
    if detector is None or detector.snapshot is None:
        raise missing(watch, name)
    return detector


def missing(watch: Watch, name: str) -> ApiError:
    what = "Detector" if isinstance(watch.machine, DetectorMachine) else "Alarm"
    _, _, key = name.partition("/")
    named = f" with keyValue: {key}" if key else ""
    return not_found(f"{what} of model: {watch.name}{named} not found")


def list_detectors(query: Document, ports: Ports, knowledge: Knowledge) -> dict[str, Any]:
    watch = knowledge.detectors_of(query["detectorModelName"])
    found, token = list_page(watch, query, ports)
    return {"detectorSummaries": [detector_summary(each) for each in found], "nextToken": token}


def update(entry: Document, ports: Ports, knowledge: Knowledge, *, now_ms: int) -> None:
    name, watch = one_of(knowledge.detectors_of(entry["detectorModelName"]), entry.get("keyValue"))
    ordered = _ordered(entry["state"], watch)

    def change(found: Mapping[str, Detector]) -> dict[str, Detector]:
        detector = as_deployed(found[name], watch) if name in found else None
        if detector is None or detector.snapshot is None:
            raise missing(watch, name)
        return {name: replaced(detector, detector.snapshot, ordered, now_ms=now_ms)}

    write_outside([name], change, ports.commit, now_ms=now_ms)


def delete(entry: Document, ports: Ports, knowledge: Knowledge, *, now_ms: int) -> None:
    name, watch = one_of(knowledge.detectors_of(entry["detectorModelName"]), entry.get("keyValue"))

    def change(found: Mapping[str, Detector]) -> dict[str, Detector]:
        if name not in found or found[name].snapshot is None:
            raise missing(watch, name)
        return {name: deleted(found[name])}

    write_outside([name], change, ports.commit, now_ms=now_ms)


def _ordered(state: Document, watch: Watch) -> OrderedState:
    """Raises ApiError for a state that the model does not have, and for values that no variable or timer can hold."""
    name = state["stateName"]
    if isinstance(watch.machine, DetectorMachine) and name not in watch.machine.model.states:
        raise invalid(f"{watch.name} has no state {name}")
    variables = {each["name"]: _value(each["name"], each["value"]) for each in state["variables"]}
    timers = {each["name"]: _seconds(each["name"], each["seconds"]) for each in state["timers"]}
    return OrderedState(name, variables, timers)


def _value(name: str, text: str) -> Value:
    """A value is written as it is shown: as JSON, so a text has quotes of its own."""
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return checked_text(value)
        if isinstance(value, int | float):
            return checked_number(value)
    except (msgspec.DecodeError, RecursionError, EvaluationError) as error:
        raise invalid(f"The value of the variable {name} cannot be read: {error}. A text is put in quotes.") from error
    raise invalid(f"The variable {name} can hold a number, a text or a Boolean.")


def _seconds(name: str, seconds: int) -> int:
    if not 1 <= seconds <= MAX_TIMER_S:
        raise invalid(f"The timer {name} can be set to 1 to {MAX_TIMER_S:,} seconds.")
    return seconds
