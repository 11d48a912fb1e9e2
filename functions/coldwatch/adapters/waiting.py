"""The incident workflow in Step Functions: started under the incident's id, woken by the token that it waits with.

The name of an execution stays taken for 90 days after its end, so another one of the same incident has another name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.workflow import answer_of, beginning_of, execution_name, execution_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_stepfunctions import SFNClient

    from coldwatch.adapters.incident_store import DynamoIncidentStore
    from coldwatch.incidents.incident import Incident

_RUNNING = frozenset({"RUNNING", "PENDING_REDRIVE"})


class _State(Enum):
    RUNS = auto()
    ENDED = auto()
    MISSING = auto()


@dataclass(frozen=True, slots=True)
class StepFunctionsWaiting:
    """`ports.Waiting`. A workflow that waits no longer has gone on, and will read what has become of its incident."""

    client: SFNClient
    store: DynamoIncidentStore

    def wake(self, incident: Incident, *, now_ms: int) -> None:
        found = self.store.token(incident.incident_id)
        if found is None:
            return
        token, standing, revision = found
        if incident.revision > revision and incident.standing != standing:
            self.complete(token, answer_of(incident, now_ms=now_ms))

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

    def start(self, incident: Incident, *, now_ms: int) -> int:
        for number, name in execution_names(incident):
            given = beginning_of(incident, number=number, now_ms=now_ms)
            if self._start(name, given) or incident.is_complete(now_ms) or self._state(name) is not _State.ENDED:
                return number
        raise AssertionError("names do not end")

    def running(self, incident: Incident) -> int | None:
        for number, name in execution_names(incident):
            match self._state(name):
                case _State.RUNS:
                    return number
                case _State.MISSING:
                    return None
        raise AssertionError("names do not end")

    def succeed(self, incident: Incident, *, after: int, given: Mapping[str, Any]) -> int:
        for number in count(after + 1):
            name = execution_name(incident.incident_id, number)
            if self._start(name, {**given, "number": number}) or self._state(name) is not _State.ENDED:
                return number
        raise AssertionError("numbers do not end")

    def _start(self, name: str, given: Mapping[str, Any]) -> bool:
        """Whether it was started; False where the name is taken."""
        try:
            self.client.start_execution(stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(given))
        except self.client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def _state(self, name: str) -> _State:
        """What was started a moment ago may be missing still."""
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:", 1)
        try:
            found = self.client.describe_execution(executionArn=f"{arn}:{name}")
        except self.client.exceptions.ExecutionDoesNotExist:
            return _State.MISSING
        return _State.RUNS if found["status"] in _RUNNING else _State.ENDED
