"""The incident workflow in Step Functions: started under the incident's id, woken by the token that it waits with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.workflow import answer_of, beginning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_stepfunctions import SFNClient

    from coldwatch.adapters.incident_store import DynamoIncidentStore


@dataclass(frozen=True, slots=True)
class StepFunctionsWaiting:
    """`ports.Waiting`. A workflow that waits no longer has gone on, and will read what has become of its incident."""

    client: SFNClient
    store: DynamoIncidentStore

    def wake(self, incident: Incident) -> None:
        found = self.store.token(incident.incident_id)
        if found is None:
            return
        token, awaits = found
        if incident.status in {awaits, Status.RESOLVED}:
            self.complete(token, answer_of(incident))

    def complete(self, token: str, answer: Mapping[str, Any]) -> None:
        gone = self.client.exceptions
        try:
            self.client.send_task_success(taskToken=token, output=json.dumps(answer))
        except (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
            return


@dataclass(frozen=True, slots=True)
class StepFunctionsExecutions:
    """`ports.Executions`."""

    client: SFNClient
    state_machine_arn: str

    def start(self, incident: Incident) -> None:
        given = json.dumps(beginning_of(incident))
        try:
            self.client.start_execution(stateMachineArn=self.state_machine_arn, name=incident.incident_id, input=given)
        except self.client.exceptions.ExecutionAlreadyExists:
            return
