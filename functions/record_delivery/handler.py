"""Lambda: record delivery. Trigger: the rule on what SES says of the stack's mails. Writes: what became of a page, with
an event where it came back (DynamoDB); asks `notify_tier` to go on to the next way of telling.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, lambda_client
from coldwatch.adapters.function_calls import LambdaNotifier
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.incidents.delivery import read_report, take_report
from coldwatch.settings import RecordDeliverySettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: DynamoIncidentStore
    notifier: LambdaNotifier


@cache
def ports() -> Ports:
    own = RecordDeliverySettings.from_env()
    store = DynamoIncidentStore(dynamodb_client(), own.incident_table)
    return Ports(store, LambdaNotifier(lambda_client(), own.notify_tier_function))


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Answers `{"delivery"}`; None for what changes nothing. No address goes to the log."""
    report = read_report(event)
    if report is None:
        return {"delivery": None}
    use = ports()
    page = take_report(report, use.incidents, use.notifier.tell_again, now_ms=time.time_ns() // 1_000_000)
    about = {"incident_id": report.incident_id, "contact_id": report.contact_id, "channel": report.channel}
    logger.info("delivery recorded", extra={**about, "delivery": report.delivery.value, "is_known": page is not None})
    return {"delivery": page.delivery if page else None}
