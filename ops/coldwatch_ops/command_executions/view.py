"""Command executions told to people and to machines. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from coldwatch.commands.status import Status
from coldwatch_ops.answer import Answer
from coldwatch_ops.command_executions.executions import Execution
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape, fields, table
from coldwatch_ops.times import rfc3339

_TIMES = ("created_at", "updated_at", "settled_at")
_TOLD = (
    "execution_id",
    "device_id",
    "thing",
    "application",
    "status",
    "requested_by",
    "client_token",
    "incident_on_timeout",
)


def document_of(execution: Execution) -> dict[str, Any]:
    record = dict(execution.record)
    record |= {name: rfc3339(record[name]) for name in _TIMES if name in record}
    record["history"] = [entry | {"at": rfc3339(entry["at"])} for entry in record["history"]]
    if "late_response" in record:
        late = record["late_response"]
        record["late_response"] = late | {"received_at": rfc3339(late["received_at"])}
    return record | {"round_trip_ms": execution.round_trip_ms}


def sent(execution_id: str, device_id: str) -> Answer:
    told = f"On its way to {escape(device_id)}. What became of it: coldwatch command show {execution_id}"
    return Answer({"execution_id": execution_id, "device_id": device_id}, (told,))


def waited_for(execution: Execution) -> Answer:
    """Fails unless the device has carried it out."""
    shown_ = shown(execution)
    is_done = execution.status is Status.SUCCEEDED
    return Answer(shown_.document, shown_.told, ExitCode.OK if is_done else ExitCode.FAILED)


def shown(execution: Execution) -> Answer:
    document = document_of(execution)
    about = {name: document.get(name) for name in _TOLD}
    about |= {
        "command": command_of(execution),
        "attempts": f"{document['attempt']} of {document['attempts']}, {document['timeout_s']} s each",
        "reason": _reason(document.get("status_reason")),
        "result": _pairs(document.get("result") or {}),
        "round trip": None if execution.round_trip_ms is None else f"{execution.round_trip_ms:,} ms",
        "answered late": _late(document.get("late_response")),
    }
    rows = [(entry["at"], entry["type"], _pairs(entry["detail"])) for entry in document["history"]]
    return Answer(document, (*fields(about), "", table(("time", "what", ""), rows)))


def listed(executions: Sequence[Execution]) -> Answer:
    document = {"executions": [document_of(each) for each in executions]}
    if not executions:
        return Answer(document, ("No command was sent to it.",))
    rows = [
        (
            rfc3339(each.record["created_at"]),
            each.execution_id,
            command_of(each),
            each.status.value,
            each.record["attempt"],
            each.round_trip_ms,
            each.record["requested_by"],
        )
        for each in executions
    ]
    headings = ("created", "execution", "command", "status", "attempts", "ms", "requested by")
    drawn = table(headings, rows, numeric=("attempts", "ms"))
    return Answer(document, (drawn, count(len(rows), "command") + "."))


def command_of(execution: Execution) -> str:
    return " ".join(filter(None, (execution.record["command"], _pairs(execution.record["parameters"]))))


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _reason(reason: Mapping[str, str] | None) -> str | None:
    if reason is None:
        return None
    return ": ".join(filter(None, (reason["reason_code"], reason["reason_description"])))


def _late(late: Mapping[str, Any] | None) -> str | None:
    if late is None:
        return None
    told = (late["received_at"], late["status"], _reason(late["status_reason"]), _pairs(late["result"] or {}))
    return " ".join(filter(None, told))
