"""What is let meet in every order (`test_every_order`)."""

from collections.abc import Callable

from tests.unit.incidents.exploring import Model
from tests.unit.incidents.orders import (
    ACKNOWLEDGE,
    AGAIN,
    CHECK,
    ESCALATE,
    RECOVERY,
    RESOLVE,
    SNOOZE,
    about_to_hand_over,
    ana_has_it,
    ana_snoozed_it,
    before_the_first_page,
    meeting,
    operator,
    responder,
    told_ana,
    told_ben_and_cem,
)

ANA_ACKNOWLEDGES, ANA_RESOLVES = responder("ana", ACKNOWLEDGE), responder("ana", RESOLVE)
BEN_ACKNOWLEDGES, CEM_ACKNOWLEDGES = responder("ben", ACKNOWLEDGE), responder("cem", ACKNOWLEDGE)

RACES: dict[str, Callable[[], Model]] = {
    "acknowledge against escalate": lambda: meeting(before_the_first_page(), ANA_ACKNOWLEDGES),
    "acknowledge against escalate, and one dies": lambda: meeting(told_ana(), ANA_ACKNOWLEDGES, deaths=1),
    "acknowledge against resolve": lambda: meeting(told_ana(), ANA_ACKNOWLEDGES, operator(RESOLVE), timeouts=0),
    "acknowledge against resolve, and time": lambda: meeting(ana_has_it(), operator(RESOLVE)),
    "recover against acknowledge": lambda: meeting(told_ana(), ANA_ACKNOWLEDGES, RECOVERY, timeouts=0),
    "recover against acknowledge, any may resolve": lambda: meeting(
        told_ana(auto_resolve="always"), ANA_ACKNOWLEDGES, RECOVERY, timeouts=0
    ),
    "two responders at once": lambda: meeting(told_ben_and_cem(), BEN_ACKNOWLEDGES, CEM_ACKNOWLEDGES, timeouts=0),
    "a signal while no token is waiting": lambda: meeting(before_the_first_page(), operator(RESOLVE), timeouts=0),
    "a signal while no token is waiting, then another": lambda: meeting(
        told_ana(), ANA_ACKNOWLEDGES, ANA_RESOLVES, timeouts=0
    ),
    "a second excursion while open": lambda: meeting(told_ana(), AGAIN, ANA_ACKNOWLEDGES, timeouts=0),
    "a second excursion after a recovery, while snoozed": lambda: meeting(
        ana_snoozed_it(auto_resolve="never"), RECOVERY, AGAIN, timeouts=0
    ),
    "the workflow times out": lambda: meeting(ana_has_it(), ANA_RESOLVES),
    "the workflow times out, and one dies": lambda: meeting(ana_has_it(), ANA_RESOLVES, deaths=1),
    "the workflow is stopped": lambda: meeting(told_ana(), ANA_ACKNOWLEDGES, CHECK, stops=1, timeouts=0),
    "a redrive against acknowledge": lambda: meeting(told_ana(), ANA_ACKNOWLEDGES, stops=1, redrives=1, timeouts=0),
    "a redrive against the end of the round": lambda: meeting(told_ana(), stops=1, redrives=1),
    "a redrive against resolve": lambda: meeting(ana_has_it(), operator(RESOLVE), stops=1, redrives=1, timeouts=0),
    "a redrive against the hourly check": lambda: meeting(told_ana(), CHECK, stops=1, redrives=1, timeouts=0),
    "snooze against acknowledge": lambda: meeting(
        told_ben_and_cem(), responder("ben", SNOOZE), CEM_ACKNOWLEDGES, timeouts=0
    ),
    "snooze against its end": lambda: meeting(ana_snoozed_it(), responder("ana", SNOOZE)),
    "acknowledge against the end of a snooze": lambda: meeting(ana_snoozed_it(), ANA_ACKNOWLEDGES),
    "escalate now against acknowledge": lambda: meeting(
        told_ben_and_cem(), responder("ben", ESCALATE), CEM_ACKNOWLEDGES, timeouts=0
    ),
    "escalate now against the end of the round": lambda: meeting(told_ana(), responder("ana", ESCALATE)),
    "escalate now against resolve": lambda: meeting(
        ana_has_it(), responder("ana", ESCALATE), operator(RESOLVE), timeouts=0
    ),
    "hand-over against acknowledge": lambda: meeting(about_to_hand_over(), ANA_ACKNOWLEDGES),
    "hand-over against resolve": lambda: meeting(about_to_hand_over(), operator(RESOLVE)),
}


LONG_RACES: dict[str, Callable[[], Model]] = {
    "a redrive against the hourly check and acknowledge": lambda: meeting(
        told_ana(), CHECK, ANA_ACKNOWLEDGES, stops=1, redrives=1, timeouts=0
    ),
    "hand-over against resolve, and one dies": lambda: meeting(about_to_hand_over(), operator(RESOLVE), deaths=1),
    "the workflow times out twice": lambda: meeting(ana_has_it(), ANA_RESOLVES, timeouts=2),
    "recover against acknowledge, and one dies": lambda: meeting(
        told_ana(), ANA_ACKNOWLEDGES, RECOVERY, timeouts=0, deaths=1
    ),
}
