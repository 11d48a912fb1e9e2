"""Reads metrics out of log lines, and decides an alarm's state from its metric's recent values. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import ge, gt, le, lt
from typing import Any

PAST_S = 14 * 24 * 3600
FUTURE_S = 2 * 3600
MOST_DIMENSIONS = 30
MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class Datum:
    """One metric of one dimension set: the values that one log line gives it, at an epoch second."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    unit: str
    values: tuple[float, ...]
    timestamp: float


def embedded_metrics(line: str, now: float) -> list[Datum]:
    """The metrics in a log line that is an embedded metric format document; none for any other line.

    What the format does not allow gives no metric: a timestamp more than 14 days old or 2 hours ahead, a dimension that
    the root has no text for, a value that is not a number.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    if not line.startswith("{") or '"CloudWatchMetrics"' not in line:
        return []
    try:
        root = json.loads(line)
    except (ValueError, RecursionError):
        return []
    match root:
        case {"_aws": {"CloudWatchMetrics": list(directives), "Timestamp": int() | float() as milliseconds}}:
            if -PAST_S <= milliseconds / 1000 - now <= FUTURE_S:
                return [datum for one in directives for datum in _directed(root, one, milliseconds / 1000)]
    return []


def _directed(root: Mapping[str, Any], directive: Any, timestamp: float) -> Iterator[Datum]:
    match directive:
        case {"Namespace": str(namespace), "Dimensions": list(sets), "Metrics": list(metrics)}:
            for names in sets:
                dimensions = _dimensions(root, names)
                if dimensions is not None:
                    yield from (
                        _datum(root, namespace, one, dimensions, timestamp) for one in metrics if _has(root, one)
                    )


def _dimensions(root: Mapping[str, Any], names: Any) -> dict[str, str] | None:
    if not isinstance(names, list) or len(names) > MOST_DIMENSIONS:
        return None
    found = {name: root[name] for name in names if isinstance(name, str) and isinstance(root.get(name), str)}
    return found if len(found) == len(names) else None


def _has(root: Mapping[str, Any], metric: Any) -> bool:
    """Whether the root has a number, or a list of numbers, for the metric."""
    if not isinstance(metric, dict) or not isinstance(metric.get("Name"), str):
        return False
    values = _listed(root.get(metric["Name"]))
    return 0 < len(values) <= MOST_VALUES and all(_is_number(value) for value in values)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _datum(
    root: Mapping[str, Any], namespace: str, metric: Mapping[str, Any], dimensions: Mapping[str, str], timestamp: float
) -> Datum:
    values = tuple(float(value) for value in _listed(root[metric["Name"]]))
    return Datum(namespace, metric["Name"], dimensions, str(metric.get("Unit", "None")), values, timestamp)


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """How an alarm treats missing data."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


EXTRA_PERIODS = 2
"""CloudWatch looks this much further back than the evaluation periods, for values where recent ones are missing."""


def alarm_state(breaches: Sequence[bool | None], *, evaluated: int, to_alarm: int, missing: Missing) -> State | None:
    """The state of an alarm, None for the one it has.

    `breaches` tells for each period, the newest first, whether its value breaches the threshold; None where there is no
    value. It covers the evaluation range: `evaluated` periods and EXTRA_PERIODS more.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    real = [breach for breach in breaches if breach is not None][:evaluated]
    if not real:
        return _without_data(missing)
    lacking = evaluated - len(real)
    breaching = sum(real)
    if breaching >= to_alarm:
        return State.ALARM
    if missing is Missing.BREACHING and breaching + lacking >= to_alarm:
        return State.ALARM
    if missing in {Missing.MISSING, Missing.IGNORE} and lacking and breaching >= min(to_alarm, len(real)):
        return State.ALARM if missing is Missing.MISSING else None
    return State.OK


def _without_data(missing: Missing) -> State | None:
    match missing:
        case Missing.BREACHING:
            return State.ALARM
        case Missing.NOT_BREACHING:
            return State.OK
        case Missing.IGNORE:
            return None
        case Missing.MISSING:
            return State.INSUFFICIENT_DATA


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": ge,
    "GreaterThanThreshold": gt,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
"""How a value breaches a fixed threshold."""


class Gauges:
    """Which values of gauges are worth a datapoint: a changed one at once, an unchanged one every REPEATED_S."""

    REPEATED_S = 60.0

    def __init__(self) -> None:
        self._last: dict[Any, tuple[float, float]] = {}

    def is_due(self, gauge: Any, value: float, now: float) -> bool:
        """True at most once for each due value: asking counts as publishing it."""
        last = self._last.get(gauge)
        if last is not None and last[0] == value and now - last[1] < self.REPEATED_S:
            return False
        self._last[gauge] = (value, now)
        return True
