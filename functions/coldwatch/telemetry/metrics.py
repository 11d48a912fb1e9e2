"""Metrics as documents in CloudWatch's embedded metric format: a line of the log is a set of metrics.

Written here rather than by a library because every kind has dimensions of its own, and nothing but those: a `service`
dimension added to each would be another metric to CloudWatch, and to whoever pays for it.
Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from coldwatch.telemetry.accounting import Counts
from coldwatch.telemetry.reading import Reading

NAMESPACE = "Coldwatch"

type Document = dict[str, Any]


def metric_documents(
    counts: Mapping[str, Counts], readings: Iterable[Reading], *, stage: str, now_ms: int, per_device: bool
) -> list[Document]:
    """What a batch adds to the metrics: its counts per application, the highest temperature of each fleet and, if
    asked for, the number of readings of each device (its heartbeat).
    """
    accepted = list(readings)
    documents = [
        _counts_document(counts[name], {"stage": stage, "application": name}, now_ms) for name in sorted(counts)
    ]
    for fleet_id, temp_c in sorted(_highest_temperatures(accepted).items()):
        documents.append(
            metric_document({"stage": stage, "fleet_id": fleet_id}, {"TemperatureMax": temp_c}, "None", now_ms)
        )
    if per_device:
        for device_id, heartbeat in sorted(_heartbeats(accepted).items()):
            documents.append(
                metric_document({"stage": stage, "device_id": device_id}, {"Heartbeat": heartbeat}, "Count", now_ms)
            )
    return documents


def _counts_document(counts: Counts, dimensions: dict[str, str], now_ms: int) -> Document:
    values: dict[str, float] = {name.capitalize(): value for name, value in asdict(counts).items()}
    return metric_document(dimensions, values, "Count", now_ms)


def _highest_temperatures(readings: Iterable[Reading]) -> dict[str, float]:
    highest: dict[str, float] = {}
    for reading in readings:
        temp_c = reading.measurements.temp_c
        if temp_c is not None:
            highest[reading.fleet_id] = max(temp_c, highest.get(reading.fleet_id, temp_c))
    return highest


def _heartbeats(readings: Iterable[Reading]) -> dict[str, int]:
    beats: dict[str, int] = {}
    for reading in readings:
        beats[reading.device_id] = beats.get(reading.device_id, 0) + 1
    return beats


def metric_document(dimensions: dict[str, str], values: Mapping[str, float], unit: str, now_ms: int) -> Document:
    """One line: metrics of one unit that share their dimensions."""
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit} for name in values],
    }
    return {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [definition]}, **dimensions, **values}
