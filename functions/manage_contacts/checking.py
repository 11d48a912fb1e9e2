"""The daily check: who would not be told, who would be told too much, and the incidents that come of it."""

import sys
from dataclasses import asdict
from typing import Any

import msgspec
from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.contact_store import UnreadableContactError
from coldwatch.incidents.contacts import Contact, ContactFinding, find_faults, unreadable
from coldwatch.incidents.metrics import stage_metrics
from coldwatch.incidents.reachability import reconcile
from manage_contacts.ports import Ports

logger = Logger()


def check(use: Ports, stage: str) -> dict[str, Any]:
    return {"findings": [asdict(finding) for finding in _find(use, stage)]}


def check_and_reconcile(use: Ports, stage: str) -> dict[str, Any]:
    """As the schedule asks: whoever cannot be told opens an incident, and whoever can be told again ends it."""
    findings = _find(use, stage)
    opened, recovered = reconcile(findings, use.contacts, use.incidents, now_ms=use.now_ms())
    logger.info("contacts reconciled", extra={"unreachable": opened, "reachable_again": recovered})
    return {"findings": [asdict(each) for each in findings], "unreachable": opened, "reachable_again": recovered}


def _find(use: Ports, stage: str) -> list[ContactFinding]:
    entries = list(use.contacts.entries())
    known = [each for each in entries if isinstance(each, Contact)]
    damaged = [each for each in entries if isinstance(each, UnreadableContactError)]
    findings = find_faults(known, list(use.subscriptions.all()))
    findings += [unreadable(each.contact_id, str(each)) for each in damaged]
    for finding in findings:
        logger.error("contact finding", extra=asdict(finding))
    metric = stage_metrics({"ContactFindings": len(findings)}, stage=stage, now_ms=use.now_ms())
    sys.stdout.write(msgspec.json.encode(metric).decode() + "\n")
    sys.stdout.flush()
    return findings
