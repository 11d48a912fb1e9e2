"""CloudFormation's own deletion, waited for, and asked for again once what held it up is out of the way."""

from collections.abc import Callable
from dataclasses import dataclass

from coldwatch_ops.errors import FailedError
from coldwatch_ops.stack import Clients
from coldwatch_ops.teardown.parts import DELETED, THING_TYPE, StackParts

THING_TYPE_REST_S = 310
"""A thing type can be deleted five minutes after it was deprecated (API reference, DeleteThingType)."""
_FAILED = "DELETE_FAILED"
_POLL_S = 5.0
_LONGEST_S = 3_600


@dataclass(frozen=True)
class Deletion:
    clients: Clients
    stack: StackParts
    say: Callable[[str], None]
    pause: Callable[[float], None]

    def delete(self) -> None:
        """FailedError with CloudFormation's reasons when the stack cannot be deleted."""
        failures = self._delete_once()
        if failures and all(part_type == THING_TYPE for part_type, _ in failures.values()):
            self.say(f"AWS keeps a deprecated thing type for five minutes: waiting {THING_TYPE_REST_S} s.")
            self.pause(THING_TYPE_REST_S)
            failures = self._delete_once()
        if failures:
            told = "; ".join(f"{name}: {reason}" for name, (_, reason) in failures.items())
            raise FailedError(f"CloudFormation could not delete {self.stack.stack_name}: {told}. Run teardown again.")

    def _delete_once(self) -> dict[str, tuple[str, str]]:
        """Ask and wait; the parts that could not be deleted, with type and reason."""
        self.say(f"Deleting stack {self.stack.stack_name}.")
        self.clients.cloudformation.delete_stack(StackName=self.stack.stack_id)
        waited = 0.0
        while (status := self._status()) != DELETED:
            if status == _FAILED:
                return self._failures()
            if waited >= _LONGEST_S:
                raise FailedError(f"Stack {self.stack.stack_name} is still {status} after an hour. Run teardown again.")
            self.pause(_POLL_S)
            waited += _POLL_S
        return {}

    def _status(self) -> str:
        """By its id, by which a deleted stack is still known."""
        found = self.clients.cloudformation.describe_stacks(StackName=self.stack.stack_id)["Stacks"]
        return found[0]["StackStatus"]

    def _failures(self) -> dict[str, tuple[str, str]]:
        pages = self.clients.cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=self.stack.stack_id
        )
        failed = {
            resource["LogicalResourceId"]: (resource["ResourceType"], resource.get("ResourceStatusReason", "no reason"))
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceStatus"] == _FAILED
        }
        return failed or {self.stack.stack_name: ("AWS::CloudFormation::Stack", "no part is named")}
