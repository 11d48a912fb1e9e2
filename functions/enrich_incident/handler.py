"""Lambda: enrich incident. Trigger: the incident workflow. Writes: what a responder needs to know, on the incident
(DynamoDB).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client
from coldwatch.adapters.incident_context import DynamoDeviceDirectory
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.incidents.enrichment import Ports, enrich
from coldwatch.settings import EnrichIncidentSettings

logger = Logger()


@cache
def ports() -> Ports:
    own, dynamodb = EnrichIncidentSettings.from_env(), dynamodb_client()
    return Ports(
        DynamoIncidentStore(dynamodb, own.incident_table),
        DynamoDeviceDirectory(dynamodb, own.device_table),
        DynamoReadingHistory(dynamodb, own.reading_table),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `incident_id`."""
    incident = enrich(event["incident_id"], ports(), now_ms=time.time_ns() // 1_000_000)
    answer = {"incident_id": incident.incident_id, "peak": incident.peak, "duration_s": incident.duration_s}
    logger.info("incident enriched", extra=answer)
    return answer
