"""Lambda: record incident. Trigger: the incident workflow, at its end. Writes: the record (S3), the note of it on the
incident, and the end of its storm with its last incident (DynamoDB); publishes an alert (MQTT).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.alert_topic import IotAlertTopic
from coldwatch.adapters.clients import dynamodb_client, iot_data_client, s3_client, step_functions_client
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.family_store import DynamoFamilyStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.recording import Ports, record
from coldwatch.incidents.storms.leaving import leave
from coldwatch.settings import RecordIncidentSettings

logger = Logger()


@cache
def ports() -> Ports:
    own = RecordIncidentSettings.from_env()
    return Ports(
        DynamoIncidentStore(dynamodb_client(), own.incident_table),
        S3EvidenceStore(s3_client(), own.evidence_bucket),
        IotAlertTopic(iot_data_client(), own.topic_prefix),
    )


def _leave_storm(incident: Incident, now_ms: int) -> None:
    """However an incident ended: the last one to leave a storm ends it."""
    store = DynamoIncidentStore(dynamodb_client(), RecordIncidentSettings.from_env().incident_table)
    families = DynamoFamilyStore(store.client, store.table)
    leave(incident, store, families, StepFunctionsWaiting(step_functions_client(), store), now_ms=now_ms)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `incident_id`."""
    now_ms = time.time_ns() // 1_000_000
    recorded = record(event["incident_id"], ports(), now_ms=now_ms)
    incident = recorded.incident
    _leave_storm(incident, now_ms)
    answer = {"incident_id": incident.incident_id, "status": incident.status.value, "resolution": incident.resolution}
    logger.info("incident recorded", extra=answer)
    if recorded.alert_fault:
        logger.error("alert not published", extra={**answer, "fault": recorded.alert_fault})
    return answer
