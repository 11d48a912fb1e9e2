"""What a batch is said to have come to, in the log and in the metrics."""

from typing import Any

from coldwatch.detection.step import Fate
from coldwatch.telemetry.metrics import Document, metric_document
from evaluate_detectors.evaluation import BatchReport

SHOWN = 10
"""A line of the log names this many failures and faults, and says how many there are."""
_ERROR_LIMIT = 200
"""An exception may repeat what a device sent; the log need not."""

COUNTS = (*Fate, "changed", "moved", "effects", "rejected", "unwatched", "keyless", "quiet")


def describe(report: BatchReport) -> dict[str, Any]:
    """The fields of the batch's one line in the log. Counts are of messages at detectors, a message counting once at
    each; `moved` are detectors that went on under another version of their model, and `quiet` records at which nothing
    happened, so that their devices' lanes took them. `notes` are expressions that could not be evaluated, and what such
    a move has lost; `omitted` actions that could not be performed. `lane_faults` are ours: nothing is lost, but until
    they are mended the devices named cost many times the CPU.
    """
    return {
        "shard_id": report.records[0].shard_id,
        "first_sequence": report.records[0].sequence_number,
        "last_sequence": report.records[-1].sequence_number,
        "records": len(report.records),
        **{str(name): report.counts.get(name, 0) for name in COUNTS},
        "notes": [f"{each.level}: {each.message}"[:_ERROR_LIMIT] for each in report.notes[:SHOWN]],
        "note_count": len(report.notes),
        "omitted": [each.message for each in report.omitted[:SHOWN]],
        "omitted_count": len(report.omitted),
        "profile_faults": {name: list(report.faults[name]) for name in sorted(report.faults)[:SHOWN]},
        "profile_fault_count": len(report.faults),
        "lane_faults": {
            name: repr(report.lane_faults[name])[:_ERROR_LIMIT] for name in sorted(report.lane_faults)[:SHOWN]
        },
        "lane_fault_count": len(report.lane_faults),
        "failures": {
            str(sequence): repr(report.failures[sequence])[:_ERROR_LIMIT]
            for sequence in sorted(report.failures)[:SHOWN]
        },
        "failure_count": len(report.failures),
    }


def metrics(report: BatchReport, stage: str, *, now_ms: int) -> Document:
    values: dict[str, float] = {
        "DetectorEvaluations": report.counts.get(Fate.EVALUATED, 0),
        "LateMessages": report.counts.get(Fate.LATE, 0),
        "EffectsSent": report.counts.get("effects", 0),
        "EffectsOmitted": len(report.omitted),
    }
    return metric_document({"stage": stage}, values, "Count", now_ms)
