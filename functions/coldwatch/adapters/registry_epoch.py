"""How often the device registry has changed, kept beside the devices.

Whoever changes what detectors go by of a device writes it in one transaction with the epoch. Environments remember
devices and ask for the epoch alone; the devices that changed last are listed, as long as the list has room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from coldwatch.adapters.items import to_item
from coldwatch.detection.ports import Epoch

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH_ID: Final = "#epoch"
"""No device can be called so."""
EPOCH_KEY: Final = to_item({"device_id": EPOCH_ID})
MOST_LISTED: Final = 100
EPOCH_PROJECTION: Final = {
    "ProjectionExpression": "device_id, #epoch, changed",
    "ExpressionAttributeNames": {"#epoch": "epoch"},
}


def raise_epoch(table: str, device_id: str, *, is_list_full: bool = False) -> dict[str, Any]:
    """The action of a transaction that changes a device. It fails when the list is full; then a new list is begun, and
    environments that are further behind forget all devices.
    """
    listed = "SET changed = list_append(if_not_exists(changed, :none), :device) ADD #epoch :one"
    values: dict[str, Any] = {":device": {"L": [{"S": device_id}]}, ":one": {"N": "1"}}
    if is_list_full:
        update: dict[str, Any] = {"UpdateExpression": "SET changed = :device ADD #epoch :one"}
    else:
        values |= {":none": {"L": []}, ":most": {"N": str(MOST_LISTED)}}
        condition = "attribute_not_exists(changed) OR size(changed) < :most"
        update = {"UpdateExpression": listed, "ConditionExpression": condition}
    names = {"ExpressionAttributeNames": {"#epoch": "epoch"}, "ExpressionAttributeValues": values}
    return {"Update": {"TableName": table, "Key": EPOCH_KEY, **update, **names}}


def read_epoch(item: Mapping[str, Any]) -> Epoch:
    """Of its item, or of none."""
    if "epoch" not in item:
        return Epoch()
    return Epoch(int(item["epoch"]["N"]), tuple(each["S"] for each in item["changed"]["L"]))
