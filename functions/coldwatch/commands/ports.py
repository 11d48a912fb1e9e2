"""What commands need from the outside. `coldwatch.adapters` keeps these promises on AWS, fakes keep them in tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from coldwatch.commands.execution import CommandExecution


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who hears a device's commands: `thing` is the device itself, or the gateway that speaks for it."""

    thing: str
    application: str


class Addresses(Protocol):
    def find(self, device_id: str) -> Addressee | None:
        """None for a device that is not in the registry."""


class CommandStore(Protocol):
    def create(self, execution: CommandExecution) -> bool:
        """Whether it was new; one that exists stays as it is."""

    def find(self, execution_id: str) -> CommandExecution | None:
        """Strongly consistent."""

    def replace(self, before: CommandExecution, after: CommandExecution) -> bool:
        """Put `after` where `before` stands; False, and nothing done, where that has changed meanwhile."""

    def keep_token(self, execution_id: str, attempt: int, token: str) -> None:
        """Remember what an attempt waits with. A later attempt's token stays."""

    def token(self, execution_id: str) -> str | None:
        """What the last attempt waits with, strongly consistent."""


class CommandTopic(Protocol):
    def publish(self, thing: str, request: Mapping[str, Any], *, lifetime_s: int) -> None:
        """To the thing's request topic, at least once; the broker need not keep it longer than its lifetime."""


class CommandWorkflow(Protocol):
    def start(self, execution: CommandExecution) -> None:
        """Start what carries the execution through. One that was started before is left alone."""

    def complete(self, token: str, outcome: Mapping[str, Any]) -> bool:
        """Tell whoever waits with the token; whether somebody still waited."""
