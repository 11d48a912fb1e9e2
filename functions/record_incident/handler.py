"""Lambda: record incident. Trigger: the incident workflow, at its end. Writes: the record (S3), the note of it on the
incident (DynamoDB), its numbers as metrics (log); publishes an alert (MQTT).
"""

import sys
import time
from functools import cache
from typing import Any

import msgspec
from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.alert_topic import IotAlertTopic
from coldwatch.adapters.clients import dynamodb_client, iot_data_client, s3_client
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.incidents.metrics import incident_metrics
from coldwatch.incidents.recording import Ports, record
from coldwatch.settings import RecordIncidentSettings

logger = Logger()


@cache
def settings() -> RecordIncidentSettings:
    return RecordIncidentSettings.from_env()


@cache
def ports() -> Ports:
    own = settings()
    return Ports(
        DynamoIncidentStore(dynamodb_client(), own.incident_table),
        S3EvidenceStore(s3_client(), own.evidence_bucket),
        IotAlertTopic(iot_data_client(), own.topic_prefix),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `incident_id`."""
    now_ms = time.time_ns() // 1_000_000
    recorded = record(event["incident_id"], ports(), now_ms=now_ms)
    incident = recorded.incident
    answer = {"incident_id": incident.incident_id, "status": incident.status.value, "resolution": incident.resolution}
    logger.info("incident recorded", extra=answer)
    if recorded.measured:
        metrics = incident_metrics(recorded.measured, stage=settings().stage, now_ms=now_ms)
        sys.stdout.write(msgspec.json.encode(metrics).decode() + "\n")
        sys.stdout.flush()
    if recorded.alert_fault:
        logger.error("alert not published", extra={**answer, "fault": recorded.alert_fault})
    return answer
