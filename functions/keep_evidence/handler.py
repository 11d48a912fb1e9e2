"""Lambda: keep evidence. Trigger: the incident workflow. Writes: the readings around the excursion (S3), and their hash
on the incident (DynamoDB).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, s3_client
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.incidents.evidence import Ports, keep_evidence
from coldwatch.settings import KeepEvidenceSettings

logger = Logger()


@cache
def ports() -> Ports:
    own, dynamodb = KeepEvidenceSettings.from_env(), dynamodb_client()
    return Ports(
        DynamoIncidentStore(dynamodb, own.incident_table),
        DynamoReadingHistory(dynamodb, own.reading_table),
        S3EvidenceStore(s3_client(), own.evidence_bucket),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """The event: `incident_id`."""
    incident = keep_evidence(event["incident_id"], ports(), now_ms=time.time_ns() // 1_000_000)
    answer = {"incident_id": incident.incident_id, "sha256": incident.evidence_sha256}
    logger.info("evidence kept", extra=answer)
    return answer
