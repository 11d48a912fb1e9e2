"""Who changed what detectors go by for a device, when, from what to what, and why.

An item for each change, in one transaction with the change itself: there is neither without the other. Nothing writes
over an item or takes it away.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coldwatch_ops.incidents.store import operator_name
from coldwatch_ops.items import items
from coldwatch_ops.stack import Stack

type Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """`who` is a name that somebody gave; `principal` is the AWS identity that made the call."""

    why: str
    who: str
    principal: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """`old` and `new` hold what differs, of the limits in force; a member that is not there is null."""

    device_id: str
    at: int
    who: str
    principal: str
    why: str
    old: Values
    new: Values


def reason(stack: Stack, *, why: str, who: str | None, now_ms: int) -> Reason:
    principal = str(stack.clients.sts.get_caller_identity()["Arn"])
    return Reason(why.strip(), who or operator_name(), principal, now_ms)


def difference(before: Values, after: Values) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs, as it was and as it is.

    >>> difference({"high_c": 8.0, "low_c": 2.0}, {"high_c": 6.0, "low_c": 2.0, "trip": "S1"})
    ({'high_c': 8.0, 'trip': None}, {'high_c': 6.0, 'trip': 'S1'})
    """
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def entry(stack: Stack, device_id: str, before: Values, after: Values, said: Reason) -> dict[str, Any]:
    """The action that keeps it, for the transaction of the change."""
    old, new = difference(before, after)
    item = {
        "device_id": device_id,
        "change_id": f"{said.at_ms:013d}#{uuid.uuid4().hex[:12]}",
        "at": said.at_ms,
        "who": said.who,
        "principal": said.principal,
        "why": said.why,
        "old": json.dumps(old, sort_keys=True),
        "new": json.dumps(new, sort_keys=True),
    }
    condition = "attribute_not_exists(device_id)"
    return {
        "Put": {"TableName": stack.output("DeviceHistoryTableName"), "Item": item, "ConditionExpression": condition}
    }


def of_device(stack: Stack, device_id: str, *, since: int) -> list[DeviceChange]:
    """Newest first."""
    found = items(
        stack.table("DeviceHistoryTableName").query,
        KeyConditionExpression="device_id = :device AND change_id >= :since",
        ExpressionAttributeValues={":device": device_id, ":since": f"{since:013d}"},
        ScanIndexForward=False,
        ConsistentRead=True,
    )
    return [_change(item) for item in found]


def _change(item: Mapping[str, Any]) -> DeviceChange:
    named = {name: item[name] for name in ("device_id", "at", "who", "principal", "why")}
    return DeviceChange(**named, old=json.loads(item["old"]), new=json.loads(item["new"]))
