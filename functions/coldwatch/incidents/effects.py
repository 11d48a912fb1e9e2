"""What a detector's effect says, as `run_effects` hands it over; a command that timed out says it in the same form.

The event is the action's payload, in the form that AWS IoT Events gave it, and the member `coldwatch`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

_EARLIEST = 946_684_800_000
"""2000-01-01: nothing that a variable calls a time, and that lies before this, is one."""


class EffectFormError(ValueError):
    """An invocation event that no effect makes."""


class IncidentEffect(msgspec.Struct, frozen=True, kw_only=True):
    """Times are epoch ms on the detector's `clock`; `began_at` is what the detector remembers of the beginning.

    `kind`, `severity` and `title` are told where no deployment has them.
    """

    effect_id: str
    detector_model: str
    device_id: str
    application: str
    occurred_at: int
    clock: str
    event_name: str
    key: str | None = None
    profile: dict[str, Any] | None = None
    kind: str | None = None
    severity: str | None = None
    title: str | None = None
    began_at: int = 0

    @property
    def detector_key(self) -> str:
        return self.key or ""


def read_effect(event: Mapping[str, Any]) -> IncidentEffect:
    """Raises `EffectFormError` saying what is missing."""
    try:
        effect = msgspec.convert(event.get("coldwatch"), IncidentEffect)
    except msgspec.ValidationError as error:
        raise EffectFormError(f"the event's member 'coldwatch' is not what an effect has there: {error}") from error
    return msgspec.structs.replace(effect, began_at=_began_at(event, effect.occurred_at))


def _began_at(event: Mapping[str, Any], occurred_at: int) -> int:
    """The variable `began_at` of the detector, where it has one that is a time before the effect."""
    match event:
        case {"payload": {"state": {"variables": {"began_at": int() | float() as began}}}} if (
            _EARLIEST <= began <= occurred_at
        ):
            return int(began)
    return occurred_at
