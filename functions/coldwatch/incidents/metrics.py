"""The numbers of an incident that is over, and what whoever looks after the stack must know, in CloudWatch's embedded
metric format.

Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".
"""

from collections.abc import Mapping
from typing import Any

from coldwatch.incidents.numbers import Measured

NAMESPACE = "Coldwatch"
_UNITS = {
    "TimeToAcknowledge": "Seconds",
    "TimeToResolve": "Seconds",
    "AcknowledgedInTime": "None",
    "FalseAlarm": "None",
    "Messages": "Count",
    "MessagesPerContact": "Count",
}


def incident_metrics(of: Measured, *, stage: str, now_ms: int) -> dict[str, Any]:
    """Of the stage, and by detector model. `AcknowledgedInTime` and `FalseAlarm` are 0 or 1: their average is a rate.

    What nobody can say of this incident is left out.
    """
    sent = sum(of.messages.values())
    values = {
        "TimeToAcknowledge": None if of.to_acknowledge_ms is None else of.to_acknowledge_ms / 1000,
        "TimeToResolve": of.to_resolve_ms / 1000,
        "AcknowledgedInTime": None if of.is_in_time is None else int(of.is_in_time),
        "FalseAlarm": None if of.is_false is None else int(of.is_false),
        "Messages": sent,
        "MessagesPerContact": sent / len(of.messages) if of.messages else None,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return _document(
        known, {"stage": stage, "detector_model": of.detector_model}, [["stage"], ["stage", "detector_model"]], now_ms
    )


def stage_metrics(counts: dict[str, int], *, stage: str, now_ms: int) -> dict[str, Any]:
    """Counts by name, of the stage as a whole."""
    return _document(counts, {"stage": stage}, [["stage"]], now_ms)


def _document(
    values: Mapping[str, float], names: dict[str, str], dimensions: list[list[str]], now_ms: int
) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values]
    definition = {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
    return {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [definition]}, **names, **values}
