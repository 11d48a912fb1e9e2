"""Stand-ins that keep the promises of `ports`, and into each of whose calls something else can come."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coldwatch.commands.execution import CommandExecution
from coldwatch.commands.order import Command, Order
from coldwatch.commands.ports import Addressee

NOW = 1_767_225_600_000
DEVICE = "acme-fridge-0001"
GATEWAY = "acme-gateway-0001"
CHILD = "acme-probe-0001"


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Fate:
    """Has something else happen just before the call whose turn it is: another process runs, or this one is killed."""

    calls_left: int = 0
    act: Callable[[], None] | None = None

    def step(self) -> None:
        self.calls_left -= 1
        if self.calls_left == 0 and self.act is not None:
            act, self.act = self.act, None
            act()


@dataclass
class FakeStore:
    fate: Fate = field(default_factory=Fate)
    executions: dict[str, CommandExecution] = field(default_factory=dict)
    tokens: dict[str, tuple[int, str]] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)
    """Every status that was ever stored, by execution."""

    def create(self, execution: CommandExecution) -> bool:
        self.fate.step()
        is_new = execution.execution_id not in self.executions
        if is_new:
            self._put(execution)
        return is_new

    def find(self, execution_id: str) -> CommandExecution | None:
        self.fate.step()
        return self.executions.get(execution_id)

    def replace(self, before: CommandExecution, after: CommandExecution) -> bool:
        self.fate.step()
        is_current = self.executions[before.execution_id].revision == before.revision
        if is_current:
            self._put(after)
        return is_current

    def keep_token(self, execution_id: str, attempt: int, token: str) -> None:
        self.fate.step()
        if attempt >= self.tokens.get(execution_id, (0, ""))[0]:
            self.tokens[execution_id] = (attempt, token)

    def token(self, execution_id: str) -> str | None:
        self.fate.step()
        return self.tokens.get(execution_id, (0, None))[1]

    def _put(self, execution: CommandExecution) -> None:
        self.executions[execution.execution_id] = execution
        self.statuses.setdefault(execution.execution_id, []).append(execution.status.value)


@dataclass
class FakeAddresses:
    known: Mapping[str, Addressee] = field(
        default_factory=lambda: {
            DEVICE: Addressee(DEVICE, "coldchain"),
            CHILD: Addressee(GATEWAY, "coldchain"),
        }
    )

    def find(self, device_id: str) -> Addressee | None:
        return self.known.get(device_id)


@dataclass
class FakeTopic:
    fate: Fate = field(default_factory=Fate)
    published: list[tuple[str, bytes, int]] = field(default_factory=list)
    """Thing, payload, lifetime."""

    def publish(self, thing: str, request: Mapping[str, Any], *, lifetime_s: int) -> None:
        self.fate.step()
        self.published.append((thing, json.dumps(request).encode(), lifetime_s))


@dataclass
class FakeWorkflow:
    fate: Fate = field(default_factory=Fate)
    started: list[str] = field(default_factory=list)
    waiting: str | None = None
    """The token of the task that waits now."""
    outcomes: list[Mapping[str, Any]] = field(default_factory=list)

    def start(self, execution: CommandExecution) -> None:
        self.fate.step()
        if execution.execution_id not in self.started:
            self.started.append(execution.execution_id)

    def complete(self, token: str, outcome: Mapping[str, Any]) -> bool:
        self.fate.step()
        is_waited_for = token == self.waiting
        if is_waited_for:
            self.waiting = None
            self.outcomes.append(outcome)
        return is_waited_for


def order(**changes: Any) -> Order:
    content: dict[str, Any] = {
        "device_id": DEVICE,
        "command": Command("set_point", {"celsius": 4.5}),
        "timeout_s": 30,
        "attempts": 2,
        "client_token": "token-1",
        "requested_by": "somebody",
    }
    return Order(**(content | changes))


def response(execution_id: str, status: str = "SUCCEEDED", **more: Any) -> bytes:
    return json.dumps({"execution_id": execution_id, "status": status} | more).encode()
