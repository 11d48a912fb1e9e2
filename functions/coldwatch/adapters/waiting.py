"""The incident workflow in Step Functions: started under the incident's id, woken by the token that it waits with.

The name of an execution stays taken for 90 days after its end, so another one of the same incident has another name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.workflow import answer_of, beginning_of, execution_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_stepfunctions import SFNClient

    from coldwatch.adapters.incident_store import DynamoIncidentStore

_RUNS = frozenset({"RUNNING", "PENDING_REDRIVE"})


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

    def rouse(self, incident: Incident, answer: Mapping[str, Any]) -> None:
        if found := self.store.token(incident.incident_id):
            self.complete(found[0], answer)

    def complete(self, token: str, answer: Mapping[str, Any]) -> None:
        gone = self.client.exceptions
        try:
            self.client.send_task_success(taskToken=token, output=json.dumps(answer))
        except (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
            return


@dataclass(frozen=True, slots=True)
class StepFunctionsExecutions:
    """`ports.Executions`. Of two that find an execution ended, one starts the next; the other finds that it runs."""

    client: SFNClient
    state_machine_arn: str

    def start(self, incident: Incident, *, now_ms: int) -> None:
        given = json.dumps(beginning_of(incident, now_ms=now_ms))
        for name in execution_names(incident.incident_id):
            try:
                self.client.start_execution(stateMachineArn=self.state_machine_arn, name=name, input=given)
            except self.client.exceptions.ExecutionAlreadyExists:
                if incident.status is not Status.RESOLVED and self._has_ended(name):
                    continue
            return

    def _has_ended(self, name: str) -> bool:
        """What was started a moment ago may not be found yet."""
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:", 1)
        try:
            found = self.client.describe_execution(executionArn=f"{arn}:{name}")
        except self.client.exceptions.ExecutionDoesNotExist:
            return False
        return found["status"] not in _RUNS
