"""Lambda: notify tier. Trigger: the incident workflow, which waits with a task token; `record_delivery`, for a mail
that came back; each minute the schedule, for digests. Writes: the incident's round, its token, pages and their events,
links and codes, budgets and digests (DynamoDB); sends messages to responders (SNS, SES, HTTPS) and an alert (MQTT,
EventBridge), and metrics of digests, and of rounds of which nobody was told, to its log.
"""

import secrets
import time
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.alert_topic import IotAlertTopic
from coldwatch.adapters.clients import dynamodb_client, iot_data_client, step_functions_client
from coldwatch.adapters.code_store import DynamoCodeStore
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.event_bus import AllAlerts, BusAlerts
from coldwatch.adapters.every_channel import code_key, every_channel
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.policy_store import DynamoRotaStore
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.metrics import stage_metrics
from coldwatch.incidents.ports import CallTime
from coldwatch.incidents.telling import Codes, Ports, Round, Told, tell, tell_one
from coldwatch.settings import NotifyTierSettings
from notify_tier.storms import send_digests, with_storms

logger = Logger()


@cache
def settings() -> NotifyTierSettings:
    return NotifyTierSettings.from_env()


@cache
def ports() -> Ports:
    own, dynamodb = settings(), dynamodb_client()
    incidents = DynamoIncidentStore(dynamodb, own.incident_table)
    channels, kept = every_channel(own)
    key = code_key(kept, own.code_key_secret)
    plain = Ports(
        incidents=incidents,
        links=DynamoLinkStore(dynamodb, own.link_table),
        rotas=DynamoRotaStore(dynamodb, own.policy_table),
        recipients=DynamoContactStore(dynamodb, own.contact_table, has_sender=bool(own.mail_sender)),
        notifier=channels,
        alerts=AllAlerts((IotAlertTopic(iot_data_client(), own.topic_prefix), BusAlerts(channels.bus))),
        waiting=StepFunctionsWaiting(step_functions_client(), incidents),
        random_bytes=secrets.token_bytes,
        page_base_url=own.page_base_url,
        codes=Codes(DynamoCodeStore(dynamodb, own.link_table), key),
    )
    return with_storms(plain, own)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The event: `incident_id`, `round` and `step` (both from 1), `task_token`, `is_last_try`, `wait_s` (none in an
    execution from before it was said); for a message that came back `incident_id`, `round` and `contact_id`, who alone
    is told; or, by the schedule, `action`: `send_digests`.
    """
    now_ms = time.time_ns() // 1_000_000
    if event.get("action") == "send_digests":
        return _send_digests(now_ms)
    told = _tell(event, replace(ports(), call_time=_call_time(context)), now_ms)
    incident, fates = told.incident, {contact: fate.value for contact, fate in told.fates.items()}
    about = {"incident_id": incident.incident_id, "round": int(event["round"]), "tier": incident.tier, "fates": fates}
    logger.info("tier told", extra={**about, "status": incident.status.value})
    _complain(told, about, now_ms)
    return {"status": incident.status.value, "fates": fates}


def _tell(event: dict[str, Any], use: Ports, now_ms: int) -> Told:
    incident_id, number = event["incident_id"], int(event["round"])
    if contact_id := event.get("contact_id"):
        return tell_one(incident_id, number, contact_id, use, now_ms=now_ms)
    waiting = event["task_token"], bool(event.get("is_last_try")), event.get("wait_s")
    return tell(Round(incident_id, number, int(event["step"]), *waiting), use, now_ms=now_ms)


def _call_time(context: Any) -> CallTime:
    began_at = time.monotonic()
    return CallTime(lambda: round((time.monotonic() - began_at) * 1000), context.get_remaining_time_in_millis)


def _complain(told: Told, about: dict[str, Any], now_ms: int) -> None:
    """Trying again would not mend it, so nothing is raised: the metric has an alarm of its own."""
    if told.is_nobody_told:
        logger.error("nobody could be told", extra=about)
        write_metrics(stage_metrics({"NobodyTold": 1}, stage=settings().stage, now_ms=now_ms))
    elif told.failing:
        logger.error("not everybody could be told", extra=about)
    if told.alert_fault:
        logger.error("alert not published", extra={**about, "fault": told.alert_fault})


def _send_digests(now_ms: int) -> dict[str, Any]:
    digests = send_digests(ports(), settings(), now_ms=now_ms)
    for each in digests:
        about = asdict(each)
        if each.failure:
            logger.error("digest not sent", extra=about)
        else:
            logger.info("digest sent", extra=about)
    if digests:  # a metric costs in each hour that it is told in; an alarm takes none for zero
        counts = {"UndeliveredDigests": sum(bool(each.failure) for each in digests)}
        write_metrics(stage_metrics(counts, stage=settings().stage, now_ms=now_ms))
    return {"digests": len(digests), "told": sum(each.told for each in digests)}
