"""What a responder may choose from, in words for the middle of the night."""

from typing import Final

from coldwatch.incidents.incident import Cause, Disposition
from coldwatch.incidents.policy import Plan

CAUSES: Final = {
    Cause.DOOR_LEFT_OPEN: "Door left open",
    Cause.LOADING: "Loading or unloading",
    Cause.DEFROST: "Defrost cycle",
    Cause.EQUIPMENT_FAILURE: "Equipment failed",
    Cause.POWER_LOSS: "Power was lost",
    Cause.SENSOR_FAULT: "Sensor or probe at fault",
    Cause.COMMUNICATION: "No connection",
    Cause.HANDLING: "Handling",
    Cause.TEST: "A test",
    Cause.FALSE_ALARM: "False alarm",
    Cause.OTHER: "Something else",
    Cause.UNKNOWN: "Not known",
}
DISPOSITIONS: Final = {
    Disposition.UNDECIDED: "Not decided yet",
    Disposition.NOT_AFFECTED: "Not affected",
    Disposition.RELEASED: "Checked and released",
    Disposition.QUARANTINED: "Set apart (quarantine)",
    Disposition.DISCARDED: "Discarded",
}

_SNOOZES_S: Final = (300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 259_200, 604_800)
_MOST_SNOOZES: Final = 4


def snoozes(plan: Plan) -> tuple[int, ...]:
    """How long it may be put off, in seconds; none where the plan allows none.

    Usual times, spread over the plan's bounds, and always the longest: nobody should have to press twice for it.
    """
    if plan.snooze_max_s <= 0:
        return ()
    usual = [each for each in _SNOOZES_S if plan.snooze_min_s <= each < plan.snooze_max_s]
    within = (*usual, plan.snooze_max_s)
    last = _MOST_SNOOZES - 1
    if len(within) <= _MOST_SNOOZES:
        return within
    return tuple(within[place * (len(within) - 1) // last] for place in range(_MOST_SNOOZES))
