"""Lambda: record presence. Trigger: the topic rule on `$aws/events/presence/+/+`. Writes: the device's registry entry
(DynamoDB).
"""

from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client
from coldwatch.adapters.device_store import DynamoPresenceStore
from coldwatch.provisioning.presence import PresenceStore, read_presence
from coldwatch.settings import RecordPresenceSettings

logger = Logger()


@cache
def store() -> PresenceStore:
    return DynamoPresenceStore(dynamodb_client(), RecordPresenceSettings.from_env().device_table)


def handler(event: dict[str, Any], _context: object) -> dict[str, bool]:
    presence = read_presence(event)
    if presence is None:
        logger.info("lifecycle event ignored", event_type=str(event.get("eventType"))[:64])
        return {"recorded": False}
    recorded = store().record(presence)
    logger.info(
        "presence recorded" if recorded else "presence outdated or of no registered device",
        client_id=presence.thing_name,
        connected=presence.is_connected,
        version=presence.version,
    )
    return {"recorded": recorded}
