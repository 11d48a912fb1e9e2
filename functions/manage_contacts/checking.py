"""The daily check: who would not be told, who would be told too much, and the incidents that come of it.

One of a policy or a rota that names nobody whom we know opens none: there is no contact to recover.
"""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.contact_store import UnreadableContactError
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.incidents.contacts import Contact, ContactFinding, find_faults, unreadable
from coldwatch.incidents.escalation.naming import find_unknown, find_unreadable, named_by_policy, named_by_rota
from coldwatch.incidents.escalation.rota import Rota
from coldwatch.incidents.metrics import stage_metrics
from coldwatch.incidents.policy import EscalationPolicy
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
    findings += _find_unknown(use, {each.contact_id for each in entries})
    for finding in findings:
        logger.error("contact finding", extra=asdict(finding))
    write_metrics(stage_metrics({"ContactFindings": len(findings)}, stage=stage, now_ms=use.now_ms()))
    return findings


def _find_unknown(use: Ports, contacts: set[str]) -> list[ContactFinding]:
    """Of policies and rotas. A contact that is there and cannot be read has a finding of its own."""
    policies, rotas, now_ms = list(use.policies.each()), list(use.rotas.each()), use.now_ms()
    named = [one for each in policies if isinstance(each, EscalationPolicy) for one in named_by_policy(each)]
    named += [one for each in rotas if isinstance(each, Rota) for one in named_by_rota(each, now_ms=now_ms)]
    unknown = find_unknown(named, contacts, {each.rota_id for each in rotas})
    return [*unknown, *find_unreadable([*policies, *rotas])]
