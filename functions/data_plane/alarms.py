"""The operations on alarms: describe, list, and the five things that a customer does with them."""

from collections.abc import Mapping
from typing import Any

from coldwatch.detection.detector import Detector
from coldwatch.detection.orders import REFUSED, as_deployed, respond
from coldwatch.detection.outside import write_outside
from coldwatch.detection.step import Step
from coldwatch.engine.customer_action import CustomerAction, CustomerActionName, read_customer_action
from coldwatch.engine.errors import EvaluationError
from data_plane.detectors import Document, find, missing
from data_plane.documents import alarm_document, alarm_summary
from data_plane.errors import invalid
from data_plane.knowledge import Knowledge, Ports, one_of
from data_plane.listing import list_page


def describe(query: Document, ports: Ports, knowledge: Knowledge) -> dict[str, Any]:
    name, watch = one_of(knowledge.alarms_of(query["alarmModelName"]), query.get("keyValue"))
    return {"alarm": alarm_document(find(name, watch, ports), watch)}


def list_alarms(query: Document, ports: Ports, knowledge: Knowledge) -> dict[str, Any]:
    watch = knowledge.alarms_of(query["alarmModelName"])
    found, token = list_page(watch, query, ports)
    return {"alarmSummaries": [alarm_summary(each) for each in found], "nextToken": token}


def act(action: CustomerActionName, entry: Document, ports: Ports, knowledge: Knowledge, *, now_ms: int) -> None:
    name, watch = one_of(knowledge.alarms_of(entry["alarmModelName"]), entry.get("keyValue"))
    told = _action(action, entry)

    def change(found: Mapping[str, Detector]) -> dict[str, Detector]:
        alarm = as_deployed(found[name], watch) if name in found else None
        if alarm is None or alarm.snapshot is None:
            raise missing(watch, name)
        step = respond(alarm, alarm.snapshot, told, watch, now_ms=now_ms)
        _raise_refusal(step)
        return {name: step.detector}

    write_outside([name], change, ports.commit, now_ms=now_ms)


def _action(action: CustomerActionName, entry: Document) -> CustomerAction:
    given = {name: entry[name] for name in ("note", "snoozeDuration") if entry.get(name) is not None}
    try:
        return read_customer_action({"actionName": action, action.configuration: given}, entry["requestId"])
    except EvaluationError as error:
        raise invalid(error.message) from error


def _raise_refusal(step: Step) -> None:
    for note in step.notes:
        if note.path == REFUSED:
            raise invalid(note.message)
