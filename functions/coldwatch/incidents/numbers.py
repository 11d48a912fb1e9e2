"""How well incidents are answered, in numbers: of one incident, and of many.

All times count from the opening. A test page, and what somebody resolved as a test, is none of it. What belongs to a
storm was told, and is answered, with the storm's own incident.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from coldwatch.incidents.incident import TEST, Cause, EventType, Incident, Page, Status, TimelineEvent

_ANSWERS = frozenset({EventType.ACKNOWLEDGED, EventType.SNOOZED})
_FALSE_CAUSES = frozenset({Cause.FALSE_ALARM, Cause.SENSOR_FAULT})
_UNJUDGED = frozenset({None, Cause.UNKNOWN})


class LeftOut(StrEnum):
    """Why an incident is in no number."""

    TEST = "test"
    PART_OF_A_STORM = "part_of_a_storm"
    NOT_OVER = "not_over"


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one incident that is over. `to_acknowledge_ms` is None where nobody took it, `is_in_time` where it was over
    before its time to be taken was; `is_false` where nobody judged it. `messages` counts by contact what was sent.
    """

    incident_id: str
    detector_model: str
    severity: str
    to_acknowledge_ms: int | None
    to_resolve_ms: int
    is_in_time: bool | None
    is_false: bool | None
    messages: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """Of so many values: half of them, and nine of ten, are at most that long (milliseconds)."""

    count: int
    median: int
    nine_of_ten: int
    longest: int


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`; there is no rate of nothing."""

    part: int
    whole: int

    @property
    def rate(self) -> float | None:
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """`in_time` and `false_alarms` are of those incidents alone of which it can be said; `whole` tells how many."""

    incidents: int
    to_acknowledge: Spread | None
    to_resolve: Spread | None
    in_time: Share
    false_alarms: Share
    messages: Mapping[str, int]


def is_test(incident: Incident) -> bool:
    return incident.kind == TEST or incident.cause is Cause.TEST


def left_out(incident: Incident) -> LeftOut | None:
    """None for one that counts."""
    if is_test(incident):
        return LeftOut.TEST
    if incident.parent_id:
        return LeftOut.PART_OF_A_STORM
    return None if incident.status is Status.RESOLVED else LeftOut.NOT_OVER


def measure(incident: Incident, timeline: Iterable[TimelineEvent], pages: Iterable[Page]) -> Measured:
    """Of an incident that is not left out.

    It was taken when somebody first did: an acknowledgement that is not kept was one all the same.
    """
    answered_at = min((event.at for event in timeline if event.type in _ANSWERS), default=incident.acknowledged_at)
    resolved_at = incident.resolved_at if incident.resolved_at is not None else incident.opened_at
    to_acknowledge = None if answered_at is None else max(0, answered_at - incident.opened_at)
    to_resolve = max(0, resolved_at - incident.opened_at)
    return Measured(
        incident.incident_id,
        incident.detector_model,
        incident.severity.value,
        to_acknowledge,
        to_resolve,
        _is_in_time(incident.plan.target_s * 1000, to_acknowledge, to_resolve),
        is_false_alarm(incident),
        Counter(page.contact_id for page in pages if page.is_sent),
    )


def is_false_alarm(incident: Incident) -> bool | None:
    """Nothing was wrong with the goods' surroundings, by the cause that was found; or a responder said that telling
    them was of no use. None where nobody said either.
    """
    if incident.cause in _FALSE_CAUSES or incident.useful is False:
        return True
    return None if incident.cause in _UNJUDGED and incident.useful is None else False


def numbers(of: Sequence[Measured]) -> Numbers:
    decided = [each.is_in_time for each in of if each.is_in_time is not None]
    judged = [each.is_false for each in of if each.is_false is not None]
    return Numbers(
        incidents=len(of),
        to_acknowledge=spread([each.to_acknowledge_ms for each in of if each.to_acknowledge_ms is not None]),
        to_resolve=spread([each.to_resolve_ms for each in of]),
        in_time=Share(sum(decided), len(decided)),
        false_alarms=Share(sum(judged), len(judged)),
        messages=dict(Counter(chain.from_iterable(Counter(each.messages).elements() for each in of)).most_common()),
    )


def by_model(of: Sequence[Measured]) -> dict[str, Numbers]:
    models = sorted({each.detector_model for each in of})
    return {model: numbers([each for each in of if each.detector_model == model]) for model in models}


def spread(values: Sequence[int]) -> Spread | None:
    """By nearest rank: each of the numbers is one that was measured.

    >>> spread([30, 10, 20, 40])
    Spread(count=4, median=20, nine_of_ten=40, longest=40)
    """
    if not values:
        return None
    ordered = sorted(values)
    return Spread(len(ordered), _ranked(ordered, 0.5), _ranked(ordered, 0.9), ordered[-1])


def _ranked(ordered: Sequence[int], part: float) -> int:
    return ordered[math.ceil(part * len(ordered)) - 1]


def _is_in_time(target_ms: int, to_acknowledge: int | None, to_resolve: int) -> bool | None:
    """Whoever resolved it in time has taken it; what passed by itself before the time was over asked nobody."""
    if to_acknowledge is not None:
        return to_acknowledge <= target_ms
    return None if to_resolve <= target_ms else False
