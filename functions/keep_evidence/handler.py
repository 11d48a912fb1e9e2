"""Lambda: keep evidence. Trigger: the incident workflow, twice. Writes: the readings around the excursion (S3), and
their hash on the incident (DynamoDB).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, s3_client
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.incidents.evidence import NotStoredYetError, Ports, keep_evidence
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
    """The event: `incident_id`, and `is_final`, once it is over.

    Answers `outcome`: kept, or not_stored_yet, upon which the workflow asks again; that is no error, and wakes nobody.
    """
    incident_id, is_final = event["incident_id"], bool(event.get("is_final"))
    try:
        incident = keep_evidence(incident_id, ports(), now_ms=time.time_ns() // 1_000_000, is_final=is_final)
    except NotStoredYetError:
        logger.info("readings not stored yet", extra={"incident_id": incident_id, "is_final": is_final})
        return {"incident_id": incident_id, "outcome": "not_stored_yet", "sha256": None}
    digest = incident.final_evidence_sha256 if is_final else incident.evidence_sha256
    answer = {"incident_id": incident_id, "outcome": "kept", "sha256": digest}
    logger.info("evidence kept", extra={**answer, "is_final": is_final})
    return answer
