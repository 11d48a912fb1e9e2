"""What keeps the notifier from telling: storms, maintenance, budgets; and the digests, which it sends itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.storm_ports import StormTables, silencing_ports
from coldwatch.adapters.storm_rules import load_storm_rules
from coldwatch.adapters.storm_store import DynamoStormStore
from coldwatch.incidents import telling
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.storms import posting
from coldwatch.incidents.storms.posting import Digest, SendBudget
from coldwatch.incidents.storms.silence import Silence, Silencing
from coldwatch.incidents.storms.silencing import StormSilencing
from coldwatch.settings import NotifyTierSettings

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class ToldWhenInDoubt:
    """`Silencing` for which nobody goes untold: where it cannot be known whether to be silent, everybody is told."""

    within: Silencing

    def reason(self, incident: Incident, *, now_ms: int) -> Silence | None:
        try:
            return self.within.reason(incident, now_ms=now_ms)
        except Exception:
            logger.exception("silence not known, told all the same", extra={"incident_id": incident.incident_id})
            return None


def with_storms(ports: telling.Ports, own: NotifyTierSettings) -> telling.Ports:
    dynamodb = dynamodb_client()
    tables = StormTables(own.incident_table, own.storm_table, own.policy_table)
    silencing = StormSilencing(silencing_ports(dynamodb, step_functions_client(), tables))
    store = DynamoStormStore(dynamodb, own.storm_table)
    incidents = DynamoIncidentStore(dynamodb, own.incident_table)
    budget = SendBudget(store, load_storm_rules(), incidents)
    return replace(ports, silencing=ToldWhenInDoubt(silencing), budget=budget)


def send_digests(ports: telling.Ports, own: NotifyTierSettings, *, now_ms: int) -> list[Digest]:
    return posting.send_digests(posting_ports(ports, own), now_ms=now_ms)


def posting_ports(ports: telling.Ports, own: NotifyTierSettings) -> posting.Ports:
    return posting.Ports(
        incidents=ports.incidents,
        store=DynamoStormStore(dynamodb_client(), own.storm_table),
        recipients=ports.recipients,
        notifier=ports.notifier,
        rules=load_storm_rules(),
        is_silenced=lambda incident, now_ms: ports.silencing.reason(incident, now_ms=now_ms) is not None,
        make_link=_links(ports),
    )


def _links(ports: telling.Ports) -> Callable[[Incident, str, int], str]:
    return lambda incident, contact_id, now_ms: telling.make_link(incident, contact_id, ports, now_ms)
