"""Commands that are sent from an incident's page, by the function that sends every command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch.incidents.ports import CommandRefusedError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class LambdaCommands:
    """`coldwatch.incidents.ports.Commands`."""

    client: LambdaClient
    function: str

    def send(self, device_id: str, command: str, *, token: str, requested_by: str) -> str:
        order = {"device_id": device_id, "command": command, "client_token": token, "requested_by": requested_by}
        answer = self.client.invoke(FunctionName=self.function, Payload=json.dumps(order).encode())
        told = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise CommandRefusedError("The command could not be sent; try again.")
        if "error" in told:
            raise CommandRefusedError(str(told["error"]))
        return str(told["execution_id"])
