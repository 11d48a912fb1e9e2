"""A task token belongs to a state machine, and only who is allowed on that machine may use it.

On AWS, `states:SendTaskSuccess` and its like are allowed on the state machine whose task waits
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html; SAM's own
StepFunctionsCallbackPolicy is written so). MiniStack finds no resource in such a request and asks for `*`, which a role
that names its machine does not allow.
"""

import json
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions
from ministack.services import stepfunctions

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.stepfunctions:_execute_task", "53c818d247dba62c"),
    Upstream("ministack.services.stepfunctions:_invoke_with_callback", "bbb38423156a0d3d"),
    Upstream("ministack.core.iam_actions:extract_resource_arn", "82f51700695c62fd"),
)

REMEMBERED = 10_000
"""Tokens whose machine is known, those that wait no longer included: a late answer is told that it is late."""

_machine: ContextVar[str] = ContextVar("machine", default="")
"""The machine of the execution whose task runs in this context."""

_machine_of: OrderedDict[str, str] = OrderedDict()


def install() -> None:
    """Wraps what the mends before it have put in place."""
    execute, invoke, extract = (
        stepfunctions._execute_task,  # noqa: SLF001 - runs one Task state
        stepfunctions._invoke_with_callback,  # noqa: SLF001 - one attempt of a .waitForTaskToken task
        iam_actions.extract_resource_arn,
    )

    def execute_task(state: Any, given: Any, execution: dict[str, Any] | None, context: Any) -> Any:
        token = _machine.set(execution["stateMachineArn"].partition("/")[0] if execution else "")
        try:
            return execute(state, given, execution, context)
        finally:
            _machine.reset(token)

    def invoke_with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        remember(token, _machine.get())
        return invoke(resource, given, token, state)

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> Any:
        found = extract(service, method, path, headers, body, *more)
        return machine_of(body) or found if service == "states" and found == "*" else found

    stepfunctions._execute_task = execute_task  # noqa: SLF001 - the mend
    stepfunctions._invoke_with_callback = invoke_with_callback  # noqa: SLF001 - the mend
    iam_actions.extract_resource_arn = extract_resource_arn


def remember(token: str, machine: str) -> None:
    _machine_of[token] = machine
    while len(_machine_of) > REMEMBERED:
        _machine_of.popitem(last=False)


def machine_of(body: bytes) -> str:
    """The ARN of the machine that gave out the request's task token; empty for a token that nobody gave out."""
    try:
        token = json.loads(body).get("taskToken")
    except (ValueError, AttributeError):
        return ""
    return _machine_of.get(token, "") if isinstance(token, str) else ""
