"""Detectors and alarms as the API shows them. Times are epoch seconds on the wire."""

from typing import Any

import msgspec

from coldwatch.detection.detector import Detector, Watch
from coldwatch.engine.alarm_payloads import alarm_state
from coldwatch.engine.machines import AlarmMachine
from coldwatch.engine.snapshot import Snapshot
from coldwatch.engine.values import text_of


def detector_document(detector: Detector) -> dict[str, Any]:
    snapshot = _snapshot(detector)
    state = {
        "stateName": snapshot.state,
        "variables": [{"name": name, "value": _json(value)} for name, value in sorted(snapshot.variables.items())],
        "timers": [{"name": name, "timestamp": each.due_ms / 1000} for name, each in sorted(snapshot.timers.items())],
    }
    return {**_head(detector, "detectorModel"), "state": state, **_times(detector)}


def detector_summary(detector: Detector) -> dict[str, Any]:
    state = {"stateName": _snapshot(detector).state}
    return {**_head(detector, "detectorModel"), "state": state, **_times(detector)}


def alarm_document(detector: Detector, watch: Watch) -> dict[str, Any]:
    assert isinstance(watch.machine, AlarmMachine)
    severity = watch.machine.model.severity
    state = alarm_state(watch.machine.model, _snapshot(detector))
    if state["ruleEvaluation"] is None:
        del state["ruleEvaluation"]
    else:
        state["ruleEvaluation"] = _evaluation(state["ruleEvaluation"]["simpleRule"])
    more = {} if severity is None else {"severity": severity}
    return {**_head(detector, "alarmModel"), "alarmState": state, **more, **_times(detector)}


def alarm_summary(detector: Detector) -> dict[str, Any]:
    return {**_head(detector, "alarmModel"), "stateName": _snapshot(detector).state, **_times(detector)}


def _evaluation(rule: dict[str, Any]) -> dict[str, Any]:
    """As the API has it; what alarms send has other names for the same."""
    values = {"inputPropertyValue": text_of(rule["inputProperty"]), "thresholdValue": text_of(rule["threshold"])}
    return {"simpleRuleEvaluation": {"operator": rule["operator"], **values}}


def _head(detector: Detector, kind: str) -> dict[str, Any]:
    key = {} if detector.key is None else {"keyValue": detector.key}
    return {f"{kind}Name": detector.model, **key, f"{kind}Version": detector.model_version}


def _times(detector: Detector) -> dict[str, Any]:
    return {"creationTime": detector.created_at / 1000, "lastUpdateTime": detector.changed_at / 1000}


def _snapshot(detector: Detector) -> Snapshot:
    assert detector.snapshot is not None
    return detector.snapshot


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
