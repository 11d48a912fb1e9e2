"""Reports told to people and to machines. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coldwatch.reports.sentences import delivered, facts, outcome, when, words
from coldwatch_ops.answer import Answer
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.reports.store import Filed
from coldwatch_ops.text import count, escape, fields, table


def shown(report: dict[str, Any]) -> Answer:
    incident, course = report["incident"], report["course"]
    head = {"incident": incident["incident_id"], "what": f"{incident['title']} ({incident['severity']})"}
    peak = {"Peak": f"{course['excursion']['peak']:g} {course['unit']}".strip()} if course["excursion"] else {}
    told = [
        (when(each["at"]), each["round"], each["tier"], each["contact_id"], words(each["channel"]), delivered(each))
        for each in report["told"]
    ]
    headings = ("time", "round", "tier", "who", "channel", "delivery")
    return Answer(
        report,
        (
            *fields(head | peak | dict(facts(report)) | dict(outcome(report))),
            "",
            table(headings, told, numeric=("round", "tier")) if told else "Nobody was told.",
            escape(report["statement"]),
        ),
    )


def fetched(paths: Sequence[Path]) -> Answer:
    return Answer({"files": [str(each) for each in paths]}, tuple(escape(str(each)) for each in paths))


def verified(filed: Filed, faults: Sequence[str]) -> Answer:
    """Exit code 1 where anything differs, with a sentence for each."""
    document = {
        "incident_id": filed.incident.incident_id,
        "is_as_filed": not faults,
        "manifest_sha256": filed.found.sha256,
        "objects": [asdict(each) for each in filed.manifest.objects],
        "differences": list(faults),
    }
    if faults:
        return Answer(document, tuple(escape(each) for each in faults), ExitCode.FAILED)
    objects = count(len(filed.manifest.objects), "object")
    return Answer(document, (f"{objects}, each as it was filed. SHA-256 of the manifest: {filed.found.sha256}.",))
