"""A task that waits for its token: its function may fail, its time be an expression, each attempt has its own token.

In MiniStack a function that fails in `lambda:invoke.waitForTaskToken` goes unnoticed, so neither Retry nor Catch sees
it and the task waits until its time is over; the time begins only when the function has answered; a time-out that is
a JSONata expression is taken as it stands, which is no number; and all attempts share one token. On AWS an error of the
function fails the attempt, TimeoutSeconds counts from its beginning and may be an expression, and a further attempt has
a token of its own.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
"""

import contextvars
import threading
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import stepfunctions

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.stepfunctions:_execute_task", "53c818d247dba62c"),
    Upstream("ministack.services.stepfunctions:_invoke_with_callback", "bbb38423156a0d3d"),
    Upstream("ministack.services.stepfunctions:_call_lambda", "25830369b12636da"),
    Upstream("ministack.services.stepfunctions:_apply_jsonata_arguments", "c74f8b18dccd7677"),
    Upstream("ministack.services.stepfunctions:_apply_parameters", "a90d58220630d580"),
    Upstream("ministack.services.stepfunctions:_jsonata_state_field", "9bf62b72170e2ea4"),
    Upstream("ministack.services.stepfunctions:_find_matching_catcher", "7fcca16317a49a2b"),
    Upstream("ministack.services.stepfunctions:_apply_catcher", "ca17bcad86a82fc5"),
    Upstream("ministack.services.stepfunctions:_state_query_language", "b9b846fa668c8400"),
)

_TIMES = ("TimeoutSeconds", "HeartbeatSeconds")
_CALLBACK = ".waitForTaskToken"

_awaited: ContextVar[str] = ContextVar("awaited", default="")
"""The token that the function called in this context is to return; empty for a function that simply answers."""


def install() -> None:
    """Wraps what the mends before it have put in place."""
    _wrap_tasks()
    _wrap_invocations()
    _wrap_arguments()


def _wrap_tasks() -> None:
    execute = stepfunctions._execute_task  # noqa: SLF001 - runs one Task state, retries and catchers included

    def execute_task(state: Any, given: Any, execution: Any, context: Any) -> Any:
        # A nested execution starts in a copy of its parent's context, and its tasks are not the parent's.
        reset = _awaited.set("")
        try:
            return execute(_timed(state, given, context), given, execution, context)
        except _TimeOutExpressionError as error:
            return _catch(state, given, context, error.failure)
        finally:
            _awaited.reset(reset)

    stepfunctions._execute_task = execute_task  # noqa: SLF001 - the mend


class _TimeOutExpressionError(Exception):
    def __init__(self, failure: Any) -> None:
        super().__init__(str(failure))
        self.failure = failure


def _timed(state: dict[str, Any], given: Any, context: Any) -> dict[str, Any]:
    """The state with the times that its expressions say."""
    times = {name: state[name] for name in _TIMES if isinstance(state.get(name), str)}
    if not times or stepfunctions._state_query_language(state, context) != "JSONata":  # noqa: SLF001 - reads a field
        return state
    try:
        read = {name: int(stepfunctions._jsonata_state_field(state, name, "number", given, context)) for name in times}  # noqa: SLF001 - evaluates a field as AWS does
    except stepfunctions._ExecutionError as failure:  # noqa: SLF001 - what Catch looks at
        raise _TimeOutExpressionError(failure) from failure
    return {**state, **read}


def _catch(state: dict[str, Any], given: Any, context: Any, failure: Any) -> Any:
    """As for any other failure of the task, which this one comes before."""
    catcher = stepfunctions._find_matching_catcher(state.get("Catch", []), failure.error)  # noqa: SLF001 - a pure search
    if catcher is None:
        raise failure
    language = stepfunctions._state_query_language(state, context)  # noqa: SLF001 - reads a field
    said = {"Error": failure.error, "Cause": failure.cause}
    return stepfunctions._apply_catcher(catcher, given, context, language, said), catcher["Next"]  # noqa: SLF001 - as its own loop does


def _wrap_invocations() -> None:
    invoke, call = (
        stepfunctions._invoke_with_callback,  # noqa: SLF001 - one attempt of a .waitForTaskToken task
        stepfunctions._call_lambda,  # noqa: SLF001 - invokes a function and waits for its answer
    )

    def invoke_with_callback(resource: str, given: Any, token: str, state: Any) -> Any:
        reset = _awaited.set(token)
        try:
            return invoke(resource, given, token, state)
        finally:
            _awaited.reset(reset)

    def call_lambda(function: str, event: Any) -> Any:
        token = _awaited.get()
        if not token:
            return call(function, event)
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(_call_and_tell, call, function, event, token), daemon=True).start()
        return None

    stepfunctions._invoke_with_callback = invoke_with_callback  # noqa: SLF001 - the mend
    stepfunctions._call_lambda = call_lambda  # noqa: SLF001 - the mend


def _call_and_tell(call: Any, function: str, event: Any, token: str) -> None:
    """Invoke the function beside the wait for its token; the first of its failure and the token's return counts."""
    try:
        call(function, event)
    except stepfunctions._ExecutionError as failure:  # noqa: SLF001 - what Retry and Catch look at
        info = stepfunctions._task_tokens.get(token)  # noqa: SLF001 - what SendTaskFailure writes to
        if info and not info["event"].is_set():
            info["error"] = {"Error": failure.error, "Cause": failure.cause}
            info["event"].set()


def _wrap_arguments() -> None:
    """Each attempt evaluates its arguments anew: just before, it gets its token."""
    for name in ("_apply_jsonata_arguments", "_apply_parameters"):
        setattr(stepfunctions, name, _with_fresh_token(getattr(stepfunctions, name)))


def _with_fresh_token(apply: Any) -> Any:
    def applied(state: dict[str, Any], given: Any, context: Any = None) -> Any:
        if context is not None and str(state.get("Resource", "")).endswith(_CALLBACK):
            context["Task"] = {"Token": new_uuid()}
        return apply(state, given, context)

    return applied
