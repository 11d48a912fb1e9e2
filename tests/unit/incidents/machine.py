"""An execution of a state machine on virtual time, from its real definition: one step at a time, by whoever drives it.

It calls nothing itself. A task gives a `Call`; whoever drives it says what became of that. It can be copied anywhere.
"""

import json
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.unit.incidents.jsonata import evaluate

ROOT = Path(__file__).parents[3]
TIMEOUT, ALL, TASK_FAILED = "States.Timeout", "States.ALL", "States.TaskFailed"
MOST_STEPS = 1_000


@cache
def definition(name: str) -> Any:
    return json.loads((ROOT / "statemachines" / f"{name}.asl.json").read_text())


@dataclass(frozen=True, slots=True)
class Call:
    """What a task asks for: a function by the name in its ARN's substitution, and the token that it waits with."""

    function: str
    payload: dict[str, Any]
    token: str | None


@dataclass
class Execution:
    """`call` is what it waits for, `until` when that wait is over (epoch ms); both None once it has ended.

    `is_called`: whoever drives it has made the call. `entered` is how many states it has been in.
    """

    name: str
    machine: Any
    state: str = ""
    given: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    call: Call | None = None
    is_called: bool = False
    until: int | None = None
    tries: dict[int, int] = field(default_factory=dict)
    is_backing_off: bool = False
    tokens: int = 0
    entered: int = 0
    status: str = "RUNNING"
    error: str = ""

    def copied(self) -> "Execution":
        other = copy(self)
        other.tries = dict(self.tries)
        return other

    @property
    def token(self) -> str | None:
        return self.call.token if self.call and self.status == "RUNNING" else None

    def begin(self, given: Any, now_ms: int) -> None:
        self._enter(self.machine["StartAt"], given, now_ms)

    def succeed(self, result: Any, now_ms: int) -> None:
        """The task has its answer: of the function, or of whoever returned the token."""
        self._leave(self._state, {"result": result}, now_ms)

    def fail(self, error: str, now_ms: int) -> None:
        """The task has failed: it is tried again, or caught, or the execution has failed."""
        for number, retrier in enumerate(self._state.get("Retry", ())):
            if _matches(retrier["ErrorEquals"], error):
                tried = self.tries.get(number, 0)
                if tried >= retrier.get("MaxAttempts", 3):
                    break
                self.tries = {**self.tries, number: tried + 1}
                delay = min(retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2) ** tried, 60)
                self.until, self.is_backing_off = now_ms + int(delay * 1000), True
                return
        for catcher in self._state.get("Catch", ()):
            if _matches(catcher["ErrorEquals"], error):
                self._enter(catcher["Next"], {"Error": error}, now_ms)
                return
        self.status, self.until, self.error = "FAILED", None, error

    def pass_time(self) -> None:
        """What it waits for has not come, or the wait was all there was."""
        assert self.until is not None
        if self.is_backing_off:
            self._call(self.until)
        elif self.call:
            self.fail(TIMEOUT, self.until)
        else:
            self._leave(self._state, {}, self.until)

    def stop(self) -> None:
        """As somebody stops it, or a fault of the service does."""
        self.status, self.until, self.error = "ABORTED", None, "stopped"

    def redrive(self, now_ms: int) -> None:
        """Enters the state that it stood in again, with the variables of then."""
        assert self.status not in {"RUNNING", "SUCCEEDED"}
        self.status, self.tries = "RUNNING", {}
        self._enter(self.state, self.given, now_ms)

    @property
    def _state(self) -> Any:
        return self.machine["States"][self.state]

    def _enter(self, name: str, given: Any, now_ms: int) -> None:
        for _ in range(MOST_STEPS):
            self.state, self.given, self.call, self.until, self.tries = name, given, None, None, {}
            self.is_backing_off, self.entered = False, self.entered + 1
            state = self._state
            match state["Type"]:
                case "Succeed":
                    self.status = "SUCCEEDED"
                    return
                case "Task":
                    self._call(now_ms)
                    return
                case "Wait":
                    self.until = now_ms + self._value(state["Seconds"]) * 1000
                    return
                case "Pass":
                    name, given = self._out(state, {})
                case "Choice":
                    fitting = (each for each in state["Choices"] if self._value(each["Condition"]))
                    name = next((each["Next"] for each in fitting), state["Default"])
        raise AssertionError(f"{self.name} goes round without a wait")

    def _call(self, now_ms: int) -> None:
        self.tokens += 1
        token = f"{self.name}/{self.tokens}"
        arguments = self._value(self._state["Arguments"], context={"Task": {"Token": token}})
        function = arguments["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")
        waits = self._state["Resource"].endswith(".waitForTaskToken")
        self.call = Call(function, arguments["Payload"], token if waits else None)
        self.is_called = self.is_backing_off = False
        self.until = now_ms + self._value(self._state["TimeoutSeconds"]) * 1000

    def _leave(self, state: Any, more: dict[str, Any], now_ms: int) -> None:
        self._enter(*self._out(state, more), now_ms)

    def _out(self, state: Any, more: dict[str, Any]) -> tuple[str, Any]:
        """The next state and its input; variables change after everything was evaluated."""
        output = self._value(state["Output"], **more) if "Output" in state else more.get("result", self.given)
        self.variables = {**self.variables, **self._value(state.get("Assign", {}), **more)}
        return state["Next"], output

    def _value(self, template: Any, *, context: dict[str, Any] | None = None, **more: Any) -> Any:
        known = {**(context or {}), "StateMachine": {"Id": "machine"}}
        return evaluate(template, {**self.variables, "states": {"input": self.given, "context": known, **more}})


def _matches(names: list[str], error: str) -> bool:
    return ALL in names or error in names or (TASK_FAILED in names and error != TIMEOUT)
