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

_SNOOZES_S: Final = (300, 900, 1800, 3600, 7200, 14_400, 28_800)
_MOST_SNOOZES: Final = 4


def snoozes(plan: Plan) -> tuple[int, ...]:
    """How long it may be put off, in seconds: usual times within the plan's bounds; none where it allows none."""
    if plan.snooze_max_s <= 0:
        return ()
    within = tuple(each for each in _SNOOZES_S if plan.snooze_min_s <= each <= plan.snooze_max_s)
    return within[:_MOST_SNOOZES] or (plan.snooze_max_s,)
