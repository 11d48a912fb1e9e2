"""The allow-list of serials, and what an operator does when hardware is replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.devices.allow_file import AllowedSerial
from coldwatch_ops.devices.certificates import retire
from coldwatch_ops.devices.registry import remove
from coldwatch_ops.errors import NotFoundError, RefusedError
from coldwatch_ops.items import plain
from coldwatch_ops.stack import Stack

ALLOWED = "ALLOWED"
CLAIMED = "CLAIMED"


@dataclass(frozen=True)
class Allowed:
    """What became of each serial; `refused` are claimed ones, which stay as they are."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[str, ...]


def allow(stack: Stack, serials: Sequence[AllowedSerial]) -> Allowed:
    outcomes = {serial.serial: _allow_one(stack, serial) for serial in serials}

    def those(outcome: str) -> tuple[str, ...]:
        return tuple(serial for serial, found in outcomes.items() if found == outcome)

    return Allowed(those("added"), those("changed"), those("unchanged"), those("refused"))


def _allow_one(stack: Stack, serial: AllowedSerial) -> str:
    item = {
        "serial": serial.serial,
        "application": serial.application,
        "fleet_id": serial.fleet_id,
        "device_type": serial.device_type,
        "status": ALLOWED,
    }
    try:
        before = stack.table("AllowedSerialTableName").put_item(
            Item=item,
            # A device that has its certificate must not become another one under its feet.
            ConditionExpression="attribute_not_exists(serial) OR #status = :allowed",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":allowed": ALLOWED},
            ReturnValues="ALL_OLD",
        )
    except aws_exceptions() as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return "refused"
    attributes = before.get("Attributes")
    if not attributes:
        return "added"
    return "unchanged" if attributes == item else "changed"


@dataclass(frozen=True)
class Released:
    serial: str
    thing: str
    certificates: tuple[str, ...]
    """Ids of those that no longer let anybody in."""


def release(stack: Stack, serial: str) -> Released:
    """Let a claimed serial be claimed once more, by its replacement; its old certificates are of no use from now on.

    The certificates go first: a crash in between leaves the serial claimed, and the command can be run again. The
    registry entry goes too, for a claim enters a device only where there is none; the readings stay, and the
    replacement carries the same name on.
    """
    item = _claimed(stack, serial)
    thing = str(item["thing_name"])
    certificates = retire(stack, thing, known=item["certificate_id"])
    remove(stack, thing, {"Update": _allow_again(stack, item)})
    return Released(serial, thing, certificates)


def _allow_again(stack: Stack, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "TableName": stack.output("AllowedSerialTableName"),
        "Key": {"serial": item["serial"]},
        "UpdateExpression": "SET #status = :allowed REMOVE certificate_id, thing_name, claimed_at",
        # Unless somebody else has released it meanwhile, and the replacement has claimed it.
        "ConditionExpression": "#status = :claimed AND certificate_id = :certificate",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":allowed": ALLOWED,
            ":claimed": CLAIMED,
            ":certificate": item["certificate_id"],
        },
    }


def _claimed(stack: Stack, serial: str) -> dict[str, Any]:
    found = stack.table("AllowedSerialTableName").get_item(Key={"serial": serial}, ConsistentRead=True)
    if "Item" not in found:
        raise NotFoundError(f"Serial {serial} is not on the allow-list of {stack.name}.")
    item: dict[str, Any] = plain(found["Item"])
    if item["status"] != CLAIMED:
        raise RefusedError(f"Serial {serial} has not been claimed ({item['status']}): there is nothing to release.")
    return item
