"""State machines act under their roles: a task whose role lacks the permission fails with States.Permissions.

MiniStack carries out what a task asks for whatever the execution's role allows. Asked here: for Lambda and the
optimized integrations, the call and resource that AWS documents; for `aws-sdk:*`, the call that MiniStack makes, read
by the code that authorizes the same call over HTTP. Not asked: what `.sync` needs beside starting, and activities,
which need nothing. https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from local.cloud import service_roles
from local.cloud.upstream import Upstream

WRAPS = (
    *service_roles.RELIES_ON,
    Upstream("ministack.services.stepfunctions:_execute_task", "53c818d247dba62c"),
    Upstream("ministack.services.stepfunctions:_invoke_resource", "a85d2be9a8584ce0"),
    Upstream("ministack.services.stepfunctions:_invoke_with_callback", "bbb38423156a0d3d"),
    Upstream("ministack.services.stepfunctions:_start_execution", "9923282fc76c57b9"),
    Upstream("ministack.services.stepfunctions:_invoke_aws_sdk_integration", "59a970e1a7c06cbe"),
    Upstream("ministack.services.stepfunctions:_dispatch_aws_sdk_json", "80067ea21122126b"),
    Upstream("ministack.services.stepfunctions:_dispatch_aws_sdk_query", "951869397cfd6628"),
    Upstream("ministack.services.stepfunctions:_dispatch_aws_sdk_rest_json", "775651b22c6a09a3"),
    Upstream("ministack.services.stepfunctions:_dispatch_aws_sdk_rest_xml", "4cceb7885aad0c43"),
    Upstream("ministack.services.stepfunctions:_dispatch_aws_sdk_lambda_rest", "9b0878077473495a"),
    Upstream("ministack.core.iam_actions:extract_iam_action", "ec476b92d969822b"),
    Upstream("ministack.core.iam_actions:extract_resource_arn", "82f51700695c62fd"),
)

type Call = tuple[str, str]
"""(IAM action, resource ARN)"""

_SERVICE = "states.amazonaws.com"
_INTEGRATION = "arn:aws:states:::"
_FORM = "application/x-www-form-urlencoded"

_role: ContextVar[str] = ContextVar("role", default="")
"""The role of the execution whose task runs in this context; empty outside a task."""

_execute_task = stepfunctions._execute_task  # noqa: SLF001 - runs one Task state, retries and catchers included
_invoke_resource = stepfunctions._invoke_resource  # noqa: SLF001 - one attempt of a task
_invoke_with_callback = stepfunctions._invoke_with_callback  # noqa: SLF001 - one attempt of a .waitForTaskToken task


def install() -> None:
    stepfunctions._execute_task = execute_task  # noqa: SLF001 - the mend
    stepfunctions._invoke_resource = invoke_resource  # noqa: SLF001 - the mend
    stepfunctions._invoke_with_callback = invoke_with_callback  # noqa: SLF001 - the mend


def execute_task(state: Any, raw_input: Any, execution: dict[str, Any] | None, context: Any) -> Any:
    _watch_sdk_calls()
    token = _role.set(_role_of(execution))
    try:
        return _execute_task(state, raw_input, execution, context)
    finally:
        _role.reset(token)


def invoke_resource(resource: str, given: Any) -> Any:
    _refuse_unless_allowed(resource, given)
    return _invoke_resource(resource, given)


def invoke_with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
    _refuse_unless_allowed(resource.replace(".waitForTaskToken", ""), given)
    return _invoke_with_callback(resource, given, token, state)


def _role_of(execution: dict[str, Any] | None) -> str:
    """The role an execution started under, which a later update of its machine does not change.

    The executions of a distributed map record no start: they have their machine's role.
    """
    if execution is None:
        return ""
    first: dict[str, Any] = next(iter(execution.get("events", [])), {})
    started = first.get("executionStartedEventDetails", {}).get("roleArn")
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"].partition("/")[0], {})  # noqa: SLF001 - the machines' only store
    return str(started or machine.get("roleArn") or "")


def _refuse_unless_allowed(resource: str, given: Any) -> None:
    for action, resource_arn in calls_of(resource, given if isinstance(given, dict) else {}):
        _ask(action, resource_arn)


def _ask(action: str, resource_arn: str) -> None:
    """Raise the task's failure unless the role in force allows the call; outside an execution nothing is in force."""
    role_arn = _role.get()
    denial = service_roles.service_role_denial(role_arn, _SERVICE, action, resource_arn) if role_arn else None
    if denial is not None:
        raise stepfunctions._ExecutionError("States.Permissions", denial)  # noqa: SLF001 - what Retry and Catch look at


def calls_of(resource: str, given: dict[str, Any]) -> list[Call]:
    """What a task's resource calls with its resolved parameters; nothing for an activity, or for an SDK call."""
    if ":function:" in resource:
        return [("lambda:InvokeFunction", resource)]
    integration = resource.removeprefix(_INTEGRATION).partition(".")[0]
    calls = _OPTIMIZED.get(integration)
    return calls(given) if calls and resource.startswith(_INTEGRATION) else []


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _invoke(given: dict[str, Any]) -> list[Call]:
    """A function is given by its ARN, or by its name with or without a version."""
    function = given.get("FunctionName", "")
    return [
        ("lambda:InvokeFunction", function if function.startswith("arn:") else _arn("lambda", f"function:{function}"))
    ]


def _start(given: dict[str, Any]) -> list[Call]:
    return [("states:StartExecution", given.get("StateMachineArn") or given.get("stateMachineArn") or "")]


def _send(given: dict[str, Any]) -> list[Call]:
    return [("sqs:SendMessage", _arn("sqs", str(given.get("QueueUrl", "")).rstrip("/").rpartition("/")[2]))]


def _notify(given: dict[str, Any]) -> list[Call]:
    """A message to a telephone number has no resource."""
    return [("sns:Publish", given.get("TopicArn") or given.get("TargetArn") or "*")]


def _put_events(given: dict[str, Any]) -> list[Call]:
    buses = {entry.get("EventBusName") or "default" for entry in given.get("Entries", [])}
    arns = [bus if bus.startswith("arn:") else _arn("events", f"event-bus/{bus}") for bus in sorted(buses)]
    return [("events:PutEvents", arn) for arn in arns]


def _on_table(action: str) -> Callable[[dict[str, Any]], list[Call]]:
    def calls(given: dict[str, Any]) -> list[Call]:
        table = str(given.get("TableName", ""))
        return [(action, table if table.startswith("arn:") else _arn("dynamodb", f"table/{table}"))]

    return calls


_OPTIMIZED: dict[str, Callable[[dict[str, Any]], list[Call]]] = {
    "lambda:invoke": _invoke,
    "states:startExecution": _start,
    "sqs:sendMessage": _send,
    "sns:publish": _notify,
    "events:putEvents": _put_events,
    "dynamodb:getItem": _on_table("dynamodb:GetItem"),
    "dynamodb:putItem": _on_table("dynamodb:PutItem"),
    "dynamodb:updateItem": _on_table("dynamodb:UpdateItem"),
    "dynamodb:deleteItem": _on_table("dynamodb:DeleteItem"),
}


@cache
def _watch_sdk_calls() -> None:
    """Look at each request that an `aws-sdk:*` task makes of a service, from the first task on.

    Not at installation: the application binds what mends replace, so it must not be imported before them.
    """
    from ministack import app  # noqa: PLC0415 - as the docstring says

    call = app.call_service_handler_sync

    def watched(  # noqa: PLR0917 - the signature it stands in for
        handler: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], *more: Any
    ) -> Any:
        if _role.get():
            _ask_for_request(method, path, headers, body, query)
        return call(handler, method, path, headers, body, query, *more)

    app.call_service_handler_sync = watched


def _ask_for_request(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> None:
    """Ask for the call that a signed request makes; its credential scope names the service."""
    service = headers.get("authorization", "").partition("Credential=")[2].split("/")[3:4] or [""]
    params = query | (parse_qs(body.decode()) if headers.get("content-type", "").startswith(_FORM) else {})
    action = iam_actions.extract_iam_action(service[0], method, path, headers, body, params)
    if action is None:
        return
    arn = iam_actions.extract_resource_arn(
        service[0], method, path, headers, body, params, get_region(), get_account_id()
    )
    _ask(action, arn)
