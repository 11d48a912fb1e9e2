"""What an expression can see while it is evaluated."""

from collections.abc import Mapping
from typing import Any


class Scope:
    """`variables` may be exchanged between groups of conditions; the rest stays as it is for one evaluation."""

    __slots__ = ("expired", "inputs", "message_input", "timers_read", "variables")

    def __init__(
        self,
        variables: Mapping[str, Any],
        inputs: Mapping[str, Any],
        *,
        message_input: str | None,
        expired: frozenset[str] = frozenset(),
    ) -> None:
        self.variables = variables
        self.inputs = inputs
        self.message_input = message_input
        """The input whose message started the evaluation; None when a timer did."""
        self.expired = expired
        """Timers that have expired and were not asked about in an earlier evaluation."""
        self.timers_read: set[str] = set()

    def is_timed_out(self, name: str) -> bool:
        """The same answer throughout an evaluation: a model may ask in an event and in a transition."""
        self.timers_read.add(name)
        return name in self.expired
