"""What a customer does with an alarm: acknowledge, snooze, enable, disable or reset it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from coldwatch.engine.actions import MAX_TIMER_S
from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.report import shown


class CustomerActionName(StrEnum):
    ACKNOWLEDGE = "ACKNOWLEDGE"
    SNOOZE = "SNOOZE"
    ENABLE = "ENABLE"
    DISABLE = "DISABLE"
    RESET = "RESET"

    @property
    def configuration(self) -> str:
        """The member with its note, such as `snoozeActionConfiguration`."""
        return f"{self.lower()}ActionConfiguration"


_MAX_NOTE: Final = 256


@dataclass(frozen=True, slots=True)
class CustomerAction:
    name: CustomerActionName
    request_id: str
    note: str | None = None
    snooze_s: int | None = None
    """Of a snooze, and of nothing else."""


def read_customer_action(document: Any, request_id: str) -> CustomerAction:
    """From `{"actionName": "SNOOZE", "snoozeActionConfiguration": {"snoozeDuration": 60, "note": "..."}}`, as the
    service told of one; raises EvaluationError.
    """
    name = document.get("actionName") if isinstance(document, dict) else None
    if not isinstance(document, dict) or name not in tuple(CustomerActionName):
        raise EvaluationError(f"actionName must be one of {', '.join(CustomerActionName)}, not {shown(name)}")
    action = CustomerActionName(name)
    configuration = document.get(action.configuration) or {}
    others = sorted(document.keys() - {"actionName", action.configuration})
    if others or not isinstance(configuration, dict):
        raise EvaluationError(f"{action} takes `{action.configuration}`, an object, and no `{', '.join(others)}`")
    note, snooze_s = configuration.get("note"), configuration.get("snoozeDuration")
    if note is not None and not (isinstance(note, str) and len(note) <= _MAX_NOTE):
        raise EvaluationError(f"note must be text of at most {_MAX_NOTE} characters")
    if action is not CustomerActionName.SNOOZE:
        return CustomerAction(action, request_id, note)
    if type(snooze_s) is not int or not 1 <= snooze_s <= MAX_TIMER_S:
        raise EvaluationError(f"snoozeDuration must be 1 to {MAX_TIMER_S:,} seconds, not {shown(snooze_s)}")
    return CustomerAction(action, request_id, note, snooze_s)
