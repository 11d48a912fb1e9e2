"""How often something changed that environments remember, and what it was: the device registry, and that there is no
detector of a name.

Whoever changes it writes it in one transaction with the epoch. Environments ask for the epoch alone, which lists what
changed last. A full list is begun anew: environments that are further behind than it reaches forget all they know.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coldwatch.adapters.batches import BACKOFF_S
from coldwatch.detection.ports import Epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from coldwatch.adapters.batches import Sleep

EPOCH_ID: Final = "#epoch"
"""In the table of the devices; no device can be called so."""
NAMES: Final = {"#epoch": "epoch", "#changed": "changed"}
MOST_LISTED: Final = 100

type Attribute = Callable[[Any], Any]
"""Makes a plain value what a client takes."""
type Send = Callable[[list[Any]], object]
"""Sends the actions of a transaction."""


def plain(value: Any) -> Any:
    """As the client of a resource takes values."""
    return value


@dataclass(frozen=True, slots=True)
class Raise:
    """The action that raises an epoch, for what has changed."""

    table: str
    key: Mapping[str, Any]
    changed: Sequence[str]
    attribute: Attribute

    def update(self, *, is_list_full: bool) -> dict[str, Any]:
        """Its number is that of all changes, so that the list says how far back it reaches."""
        values: dict[str, Any] = {":changed": list(self.changed), ":count": len(self.changed)}
        update = {"UpdateExpression": "SET #changed = :changed ADD #epoch :count"}
        if not is_list_full:
            values |= {":none": [], ":most": MOST_LISTED}
            update = {
                "UpdateExpression": (
                    "SET #changed = list_append(if_not_exists(#changed, :none), :changed) ADD #epoch :count"
                ),
                "ConditionExpression": "attribute_not_exists(#changed) OR size(#changed) < :most",
            }
        return {
            "TableName": self.table,
            "Key": dict(self.key),
            "ExpressionAttributeNames": NAMES,
            "ExpressionAttributeValues": {name: self.attribute(value) for name, value in values.items()},
            **update,
        }


def read_epoch(item: Mapping[str, Any]) -> Epoch:
    """Of its item, or of none."""
    if "epoch" not in item:
        return Epoch()
    return Epoch(int(item["epoch"]["N"]), tuple(each["S"] for each in item["changed"]["L"]))


def change_device(
    send: Send,
    actions: Sequence[Any],
    *,
    table: str,
    device_id: str,
    attribute: Attribute = plain,
    sleep: Sleep = time.sleep,
) -> None:
    """Send `actions`, which change a device, in one transaction with the registry's epoch."""
    epoch = Raise(table, {"device_id": attribute(EPOCH_ID)}, [device_id], attribute)
    write_with_epoch(send, actions, epoch, sleep=sleep)


def write_with_epoch(send: Send, actions: Sequence[Any], epoch: Raise, *, sleep: Sleep) -> None:
    """Send `actions` in one transaction with an epoch, after a pause where others raise it in the same moment. What it
    raises is about `actions`, if it is not about the service.
    """
    is_list_full = False
    for delay in (*BACKOFF_S, None):
        try:
            send([*actions, {"Update": epoch.update(is_list_full=is_list_full)}])
        except Exception as error:
            codes = _reasons(error)
            is_about_actions = "ConditionalCheckFailed" in codes[:-1] or not codes
            if is_about_actions or delay is None:
                raise
            if codes[-1] == "ConditionalCheckFailed":
                is_list_full = True
            else:
                sleep(random.uniform(0, delay))  # noqa: S311 - spreads tries, no secret
        else:
            return


def typed(value: Any) -> Any:
    """As the low-level client takes values."""
    match value:
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case _:
            return {"L": [typed(each) for each in value]}


def _reasons(error: Exception) -> list[str]:
    """Of a transaction that was cancelled, by action; of any other failure none."""
    response: Any = getattr(error, "response", {})
    return [str(reason.get("Code")) for reason in response.get("CancellationReasons", [])]
