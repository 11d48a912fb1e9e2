"""What keeps the notifier from telling: storms, maintenance, budgets; and the digests, which it sends itself."""

import time
from dataclasses import dataclass, replace

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.complaints import complaints
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.storm_ports import StormTables, silencing_ports
from coldwatch.adapters.storm_rules import load_storm_rules
from coldwatch.adapters.storm_store import DynamoStormStore
from coldwatch.incidents import telling
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.paging import links_of
from coldwatch.incidents.storms import posting, silence
from coldwatch.incidents.storms.posting import Digest, DigestingBudget
from coldwatch.incidents.storms.silencing import StormSilencing
from coldwatch.incidents.workflow import seconds_until
from coldwatch.settings import NotifyTierSettings

logger = Logger(child=True)
_ASKING_S = 35
"""Of the function's minute; the rest is for sending and marking what was asked about last."""


@dataclass(frozen=True, slots=True)
class ToldWhenInDoubt:
    """For how long nobody is told; where that cannot be known, everybody is told."""

    silencing: StormSilencing

    def silenced_s(self, incident: Incident, now_ms: int) -> int | None:
        try:
            found = self.silencing.reason(incident, now_ms=now_ms)
        except Exception:
            logger.exception("silence not known, told all the same", extra={"incident_id": incident.incident_id})
            return None
        if found is None:
            return None
        logger.info("nobody is told now", extra={"incident_id": incident.incident_id, "reason": found.reason})
        return seconds_until(found.until_ms, now_ms)


@dataclass(frozen=True, slots=True)
class SentWhenInDoubt:
    """`silence.SendBudget`: who has had enough messages; where that cannot be known, the message is sent."""

    budget: silence.SendBudget

    def admit(self, incident: Incident, contact_id: str, *, now_ms: int) -> int | None:
        try:
            return self.budget.admit(incident, contact_id, now_ms=now_ms)
        except Exception:
            about = {"incident_id": incident.incident_id, "contact_id": contact_id}
            logger.exception("budget not known, sent all the same", extra=about)
            return None

    def due_at(self, contact_id: str, *, now_ms: int) -> int:
        try:
            return self.budget.due_at(contact_id, now_ms=now_ms)
        except Exception:
            logger.exception("time of the digest not known, asked again soon", extra={"contact_id": contact_id})
            return now_ms


def with_storms(ports: telling.Ports, own: NotifyTierSettings) -> telling.Ports:
    dynamodb = dynamodb_client()
    tables = StormTables(own.incident_table, own.storm_table, own.policy_table, complaints(own.stage))
    silencing = StormSilencing(silencing_ports(dynamodb, step_functions_client(), tables))
    store = DynamoStormStore(dynamodb, own.storm_table)
    budget = DigestingBudget(store, load_storm_rules(), DynamoIncidentStore(dynamodb, own.incident_table))
    return replace(ports, silenced_s=ToldWhenInDoubt(silencing).silenced_s, budget=SentWhenInDoubt(budget))


def send_digests(ports: telling.Ports, own: NotifyTierSettings, *, now_ms: int) -> list[Digest]:
    return posting.send_digests(posting_ports(ports, own), now_ms=now_ms)


def posting_ports(ports: telling.Ports, own: NotifyTierSettings) -> posting.Ports:
    until = time.monotonic() + _ASKING_S
    return posting.Ports(
        incidents=ports.incidents,
        store=DynamoStormStore(dynamodb_client(), own.storm_table),
        recipients=ports.recipients,
        notifier=ports.notifier,
        rules=load_storm_rules(),
        is_silenced=lambda incident, now_ms: ports.silenced_s(incident, now_ms) is not None,
        make_link=links_of(ports),
        ms_left=lambda: round((until - time.monotonic()) * 1000),
    )
