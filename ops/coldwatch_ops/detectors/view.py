"""Detectors told to people and to machines. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from coldwatch.detection.detector import Detector
from coldwatch.detection.effect import Effect
from coldwatch.engine.snapshot import Timer, next_due
from coldwatch_ops.answer import Answer
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape, fields, table
from coldwatch_ops.times import rfc3339


def listed(detectors: Sequence[Detector], faults: Sequence[str]) -> Answer:
    summaries = [_summary(detector) for detector in detectors]
    document = {"detectors": summaries, "faults": list(faults)}
    exit_code = ExitCode.FAILED if faults else ExitCode.OK
    told = tuple(escape(fault) for fault in faults)
    if not detectors:
        return Answer(document, ("No detector fits.", *told), exit_code)
    headings = ("model", "key", "state", "changed", "next timer", "owes")
    rows = [
        (each["model"], each["key"], each["state"], each["changed_at"], each["next_timer_at"], each["owed"] or None)
        for each in summaries
    ]
    drawn = table(headings, rows, numeric=("owes",))
    return Answer(document, (drawn, count(len(rows), "detector") + ".", *told), exit_code)


def shown(detector: Detector) -> Answer:
    snapshot = detector.snapshot
    timers = [_timer(name, timer) for name, timer in sorted(snapshot.timers.items())] if snapshot else []
    document = _summary(detector) | {
        "variables": dict(snapshot.variables) if snapshot else {},
        "timers": timers,
        "changed_by": list(detector.changed_keys),
        "profile": dict(detector.profile) if detector.profile is not None else None,
        "effects": [_effect(effect) for effect in detector.pending],
    }
    return Answer(document, tuple(_lines(document)))


def _lines(document: dict[str, Any]) -> list[Any]:
    """Variables and limits as JSON has them: to a model 1, 1.0 and "1" are different."""
    told = {name: document[name] for name in ("model", "key", "state", "clock", "model_version", "device_id")}
    told |= {"changed": document["changed_at"], "changed by": ", ".join(document["changed_by"])}
    parts = {"variable": document["variables"], "limit": document["profile"] or {}}
    told |= {f"{part} {name}": _json(value) for part, values in parts.items() for name, value in values.items()}
    lines: list[Any] = [*fields(told)]
    if document["timers"]:
        rows = [(each["name"], each["state"], each["due_at"], each["seconds"]) for each in document["timers"]]
        lines += ["", table(("timer", "state", "due", "seconds"), rows, numeric=("seconds",))]
    if document["effects"]:
        owed = [(each["event"], each["action"], each["occurred_at"], each["effect_id"]) for each in document["effects"]]
        lines += ["", table(("owed for", "action", "since", "effect"), owed)]
    return lines


def _summary(detector: Detector) -> dict[str, Any]:
    due = next_due(detector.snapshot) if detector.snapshot else None
    return {
        "model": detector.model,
        "key": detector.key,
        "state": detector.snapshot.state if detector.snapshot else None,
        "clock": detector.clock.value,
        "model_version": detector.model_version,
        "device_id": detector.device_id,
        "application": detector.application,
        "changed_at": rfc3339(detector.changed_at or None),
        "next_timer_at": rfc3339(due[0]) if due else None,
        "owed": len(detector.pending),
    }


def _timer(name: str, timer: Timer) -> dict[str, Any]:
    state = "pending" if timer.is_pending else "expired" if timer.is_expired else "read"
    return {"name": name, "state": state, "due_at": rfc3339(timer.due_ms), "seconds": timer.duration_s}


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "effect_id": effect.effect_id,
        "event": effect.event_name,
        "action": effect.action.type,
        "occurred_at": rfc3339(effect.occurred_at),
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
