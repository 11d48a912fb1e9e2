"""What a batch is said to have come to, in the log and in the metrics."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from coldwatch.telemetry.accounting import Counts
from coldwatch.telemetry.metrics import Document, metric_documents
from coldwatch.telemetry.quarantine import Quarantined, reasons
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection
from coldwatch.telemetry.settlement import Settled
from coldwatch.telemetry.topics import Application
from store_telemetry.ingest import BatchReport

SHOWN = 10
"""A line of the log names this many fleets, traces and failures, and says how many there are."""

UNKNOWN = "unknown"


def describe(report: BatchReport) -> dict[str, Any]:
    """The fields of the batch's one line in the log."""
    fleets = sorted({reading.fleet_id for reading in _readings(report.counted)})
    traces = [each.message.envelope.trace_id for each in report.counted if each.message.envelope.trace_id]
    rejected = [
        Quarantined(each.message.envelope, each.message.verdict)
        for each in report.counted
        if isinstance(each.message.verdict, Rejection)
    ]
    return {
        "shard_id": report.records[0].shard_id,
        "first_sequence": report.records[0].sequence_number,
        "last_sequence": report.records[-1].sequence_number,
        "records": len(report.records),
        "counted": len(report.counted),
        **asdict(sum((each.counts for each in report.counted), Counts())),
        "reasons": reasons(rejected),
        "fleets": fleets[:SHOWN],
        "fleet_count": len(fleets),
        "trace_ids": traces[:SHOWN],
        "failure_count": len(report.failures),
        "failures": {str(sequence): report.failures[sequence] for sequence in sorted(report.failures)[:SHOWN]},
    }


def metrics(report: BatchReport, stage: str, *, now_ms: int, per_device: bool) -> list[Document]:
    """The metrics of what was counted, and of nothing else: a redelivery adds nothing."""
    counts: dict[str, Counts] = {}
    for each in report.counted:
        application = _application(each)
        counts[application] = counts.get(application, Counts()) + each.counts
    accepted = [reading for each in report.counted if each.counts.accepted for reading in _readings([each])]
    return metric_documents(counts, accepted, stage=stage, now_ms=now_ms, per_device=per_device)


def _readings(settled: Iterable[Settled]) -> Iterable[Reading]:
    return (each.classified.reading for each in settled if each.classified)


def _application(settled: Settled) -> str:
    """A word of ours: what a device claims must not make up dimensions."""
    verdict = settled.message.verdict
    claimed = verdict.application if isinstance(verdict, Reading) else settled.message.envelope.application
    return claimed if claimed is not None and claimed in Application else UNKNOWN
