"""Lambda: record incident. Trigger: the incident workflow, at its end. Writes: the record (S3), the note of it on the
incident (DynamoDB); publishes an alert (MQTT, EventBridge) and closes what PagerDuty was told of.
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.alert_topic import IotAlertTopic
from coldwatch.adapters.clients import dynamodb_client, events_client, iot_data_client, s3_client
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.event_bus import AllAlerts, BusAlerts, EventBus
from coldwatch.adapters.every_channel import pagerduty_service
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.incidents import announcing
from coldwatch.incidents.recording import Ports, record
from coldwatch.settings import RecordIncidentSettings

logger = Logger()


@cache
def ports() -> Ports:
    own = RecordIncidentSettings.from_env()
    return Ports(
        DynamoIncidentStore(dynamodb_client(), own.incident_table),
        S3EvidenceStore(s3_client(), own.evidence_bucket),
        AllAlerts(
            (
                IotAlertTopic(iot_data_client(), own.topic_prefix),
                BusAlerts(EventBus(events_client(), own.event_bus_name)),
            )
        ),
    )


@cache
def announced() -> announcing.Ports:
    own, dynamodb = RecordIncidentSettings.from_env(), dynamodb_client()
    contacts = DynamoContactStore(dynamodb, own.contact_table)
    return announcing.Ports(DynamoIncidentStore(dynamodb, own.incident_table), contacts, pagerduty_service())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `incident_id`."""
    recorded = record(event["incident_id"], ports(), now_ms=time.time_ns() // 1_000_000)
    incident = recorded.incident
    answer = {"incident_id": incident.incident_id, "status": incident.status.value, "resolution": incident.resolution}
    logger.info("incident recorded", extra=answer)
    if recorded.alert_fault:
        logger.error("alert not published", extra={**answer, "fault": recorded.alert_fault})
    for fault in announcing.announce(incident, announced()):
        logger.error("resolution not announced", extra={**answer, "fault": fault})
    return answer
