"""Functions of the stack that call each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_lambda import LambdaClient

    from coldwatch.incidents.incident import Incident


class CallFailedError(Exception):
    """A function was called and failed; its own log says why."""


@dataclass(frozen=True, slots=True)
class LambdaIncidents:
    """`reachability.Incidents`. Waits for the answer: what was not taken in is said again the next day."""

    client: LambdaClient
    open_incident_function: str
    recover_incident_function: str

    def open(self, event: Mapping[str, Any]) -> None:
        self._call(self.open_incident_function, event)

    def recover(self, event: Mapping[str, Any]) -> None:
        self._call(self.recover_incident_function, event)

    def _call(self, function: str, event: Mapping[str, Any]) -> None:
        answer = self.client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        if "FunctionError" in answer:
            raise CallFailedError(f"{function} failed")


@dataclass(frozen=True, slots=True)
class LambdaNotifier:
    """Asks the notifier to tell one contact of the round that goes on; nobody waits for the answer."""

    client: LambdaClient
    notify_tier_function: str

    def tell_again(self, incident: Incident, contact_id: str) -> None:
        event = {"incident_id": incident.incident_id, "round": incident.round, "contact_id": contact_id}
        self.client.invoke(
            FunctionName=self.notify_tier_function, InvocationType="Event", Payload=json.dumps(event).encode()
        )
