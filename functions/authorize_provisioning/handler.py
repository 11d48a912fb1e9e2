"""Lambda: authorize provisioning. Trigger: the pre-provisioning hook of both provisioning templates. Writes: the
claimed serial and the device's registry entry (DynamoDB).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client
from coldwatch.adapters.device_store import DynamoAllowList
from coldwatch.provisioning.claim import AllowList, Grant, Refusal, RefusalReason, decide, read_request
from coldwatch.settings import AuthorizeProvisioningSettings

logger = Logger()


@cache
def allow_list() -> AllowList:
    own = AuthorizeProvisioningSettings.from_env()
    return DynamoAllowList(dynamodb_client(), own.allowed_serial_table, own.device_table)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    answer = authorize(event, allow_list(), now_ms=time.time_ns() // 1_000_000)
    # Never the certificate itself, which the event also carries.
    about = {"certificate_id": event.get("certificateId"), "client_id": event.get("clientId")}
    if isinstance(answer, Refusal):
        refusal = {"reason": answer.reason.value, "detail": answer.detail}
        logger.warning("provisioning refused", extra=refusal | about)
        return {"allowProvisioning": False}
    logger.info("provisioning allowed", extra={"thing_name": answer.thing_name, "repeated": answer.is_repeated} | about)
    overrides = {"ThingName": answer.thing_name, "FleetId": answer.fleet_id, "DeviceType": answer.device_type}
    return {"allowProvisioning": True, "parameterOverrides": overrides}


def authorize(event: dict[str, Any], allowed: AllowList, *, now_ms: int) -> Grant | Refusal:
    """Decide on a request and, if it is granted, claim its serial."""
    request = read_request(event)
    if isinstance(request, Refusal):
        return request
    decision = decide(request, allowed.find(request.serial))
    if isinstance(decision, Refusal) or decision.is_repeated or allowed.claim(decision, now_ms=now_ms):
        return decision
    return Refusal(RefusalReason.ALREADY_CLAIMED, f"{decision.thing_name} is registered with another certificate.")
