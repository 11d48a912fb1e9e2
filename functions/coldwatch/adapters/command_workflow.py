"""The command workflow in Step Functions: started under the execution's id, woken by the token it waits with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_stepfunctions import SFNClient

    from coldwatch.commands.execution import CommandExecution


@dataclass(frozen=True, slots=True)
class StepFunctionsCommandWorkflow:
    """`ports.CommandWorkflow`. Who only completes tasks needs no `state_machine_arn`."""

    client: SFNClient
    state_machine_arn: str = ""

    def start(self, execution: CommandExecution) -> None:
        order = execution.order
        given = {
            "execution_id": execution.execution_id,
            "device_id": order.device_id,
            "command": order.command.name,
            "timeout_s": order.timeout_s,
            "attempts": order.attempts,
        }
        try:
            self.client.start_execution(
                stateMachineArn=self.state_machine_arn, name=execution.execution_id, input=json.dumps(given)
            )
        except self.client.exceptions.ExecutionAlreadyExists:
            return

    def complete(self, token: str, outcome: Mapping[str, Any]) -> bool:
        """The workflow may have gone on: an attempt's time is over, or another answer was quicker."""
        gone = self.client.exceptions
        try:
            self.client.send_task_success(taskToken=token, output=json.dumps(outcome))
        except (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
            return False
        return True
