"""Lambda's queue of asynchronous events: few of a function's are worked on at a time, the others wait their turn.

MiniStack starts a process for each event at once. When a hundred devices lose their connection in the same second, a
laptop then starts a hundred Pythons, none of which ends in time; each is killed, and started again. In AWS there is
room for a thousand, and beyond them the queue holds the events.
"""

from collections import defaultdict
from contextvars import ContextVar
from threading import Lock, Semaphore
from typing import Any

from ministack.services import lambda_svc

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.lambda_svc:invoke_async_with_retry", "289fe4d3cbd4089b"),
    Upstream("ministack.services.lambda_svc:_execute_function", "3ceb16d6480a2161"),
)

AT_ONCE = 4

_invoke = lambda_svc.invoke_async_with_retry
_execute = lambda_svc._execute_function  # noqa: SLF001 - what every invocation goes through
_is_waiting: ContextVar[bool] = ContextVar("is_waiting", default=False)
_turns: defaultdict[str, Semaphore] = defaultdict(lambda: Semaphore(AT_ONCE))
_looking_up = Lock()


def install() -> None:
    lambda_svc.invoke_async_with_retry = invoke
    lambda_svc._execute_function = execute  # noqa: SLF001 - the mend


def invoke(function: dict[str, Any], event: dict[str, Any]) -> None:
    """As MiniStack's own, which returns at once and whose thread has a copy of this context."""
    token = _is_waiting.set(True)
    try:
        _invoke(function, event)
    finally:
        _is_waiting.reset(token)


def execute(function: dict[str, Any], event: dict[str, Any]) -> Any:
    if not _is_waiting.get():
        return _execute(function, event)
    token = _is_waiting.set(False)  # MiniStack's own calls itself
    try:
        with _turn(str((function.get("config") or function).get("FunctionArn"))):
            return _execute(function, event)
    finally:
        _is_waiting.reset(token)


def _turn(arn: str) -> Semaphore:
    with _looking_up:
        return _turns[arn]
