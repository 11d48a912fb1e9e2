"""Lambda: record incident. Trigger: the incident workflow, at its end. Writes: the record, then the report with its
manifest (S3), the notes of them on the incident (DynamoDB), its numbers as metrics (log); publishes an alert (MQTT,
EventBridge) and closes what PagerDuty was told of. Ends its storm with its last incident. Reads readings (DynamoDB).

What cannot be done twice comes first: the numbers are there once. All else is done again with a retry, to the same end.
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.alert_topic import IotAlertTopic
from coldwatch.adapters.clients import dynamodb_client, events_client, iot_data_client, s3_client, step_functions_client
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.event_bus import AllAlerts, BusAlerts, EventBus
from coldwatch.adapters.every_channel import pagerduty_service
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.family_store import DynamoFamilyStore
from coldwatch.adapters.incident_context import DynamoDeviceDirectory
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents import announcing, enrichment
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.metrics import incident_metrics
from coldwatch.incidents.recording import Ports, record
from coldwatch.incidents.storms.leaving import leave
from coldwatch.reports import filing
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
        AllAlerts(
            (
                IotAlertTopic(iot_data_client(), own.topic_prefix),
                BusAlerts(EventBus(events_client(), own.event_bus_name)),
            )
        ),
    )


@cache
def family() -> tuple[DynamoIncidentStore, DynamoFamilyStore, StepFunctionsWaiting]:
    store = DynamoIncidentStore(dynamodb_client(), settings().incident_table)
    families = DynamoFamilyStore(store.client, store.table)
    return store, families, StepFunctionsWaiting(step_functions_client(), store)


def _leave_storm(incident: Incident, now_ms: int) -> None:
    """However an incident ended: the last one to leave a storm ends it."""
    leave(incident, *family(), now_ms=now_ms)


@cache
def enrichment_ports() -> enrichment.Ports:
    own, dynamodb = settings(), dynamodb_client()
    return enrichment.Ports(
        DynamoIncidentStore(dynamodb, own.incident_table),
        DynamoDeviceDirectory(dynamodb, own.device_table),
        DynamoReadingHistory(dynamodb, own.reading_table),
    )


@cache
def filing_ports() -> filing.Ports:
    own = settings()
    return filing.Ports(
        DynamoIncidentStore(dynamodb_client(), own.incident_table),
        S3EvidenceStore(s3_client(), own.evidence_bucket),
        DynamoReadingHistory(dynamodb_client(), own.reading_table),
        _print,
    )


@cache
def announced() -> announcing.Ports:
    own, dynamodb = settings(), dynamodb_client()
    contacts = DynamoContactStore(dynamodb, own.contact_table)
    return announcing.Ports(DynamoIncidentStore(dynamodb, own.incident_table), contacts, pagerduty_service())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `incident_id`; `part`, which is `record`, `report`, or `report_without_pdf` once that failed."""
    part, now_ms = event.get("part", "record"), time.time_ns() // 1_000_000
    if part != "record":
        return _report(event["incident_id"], has_pdf=part != "report_without_pdf", now_ms=now_ms)
    _enrich(event["incident_id"], now_ms)
    recorded = record(event["incident_id"], ports(), now_ms=now_ms)
    incident = recorded.incident
    answer = {"incident_id": incident.incident_id, "status": incident.status.value, "resolution": incident.resolution}
    logger.info("incident recorded", extra=answer)
    if recorded.measured:
        metrics = incident_metrics(recorded.measured, stage=settings().stage, now_ms=now_ms)
        write_metrics(metrics)
    if recorded.alert_fault:
        logger.error("alert not published", extra={**answer, "fault": recorded.alert_fault})
    faults = announcing.announce(incident, announced())
    for fault in faults:
        logger.error("resolution not announced", extra={**answer, "fault": fault.sentence})
    _leave_storm(incident, now_ms)
    if not all(fault.is_permanent for fault in faults):
        raise announcing.NotAnnouncedError(f"not everybody knows that incident {incident.incident_id} is over")
    return answer


def _enrich(incident_id: str, now_ms: int) -> None:
    """What the workflow could not add when people were told, such as in a storm. The record waits for no more."""
    own = enrichment_ports()
    incident = own.incidents.find(incident_id)
    if incident is None or incident.details is not None or incident.recorded_at is not None:
        return
    try:
        enrichment.enrich(incident_id, own, now_ms=now_ms)
    except Exception:
        logger.exception("incident recorded without what is known of its device", extra={"incident_id": incident_id})


def _report(incident_id: str, *, has_pdf: bool, now_ms: int) -> dict[str, Any]:
    incident = filing.file_report(incident_id, filing_ports(), now_ms=now_ms, has_pdf=has_pdf)
    answer = {"incident_id": incident_id, "manifest_sha256": incident.manifest_sha256}
    if has_pdf:
        logger.info("report kept", extra=answer)
    else:
        logger.error("report kept without its PDF", extra=answer)
    return answer


def _print(content: bytes, sha256: str) -> bytes:
    """Imported when it is needed: a record can be written though printing cannot even be loaded."""
    from coldwatch.adapters.report_fonts import load_fonts  # noqa: PLC0415 - as above
    from coldwatch.reports.pdf.printing import print_report  # noqa: PLC0415 - as above

    return print_report(content, load_fonts(), sha256=sha256)
