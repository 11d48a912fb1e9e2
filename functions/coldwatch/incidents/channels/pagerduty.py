"""The keys by which PagerDuty joins what it is told of an incident.

What was acknowledged there notifies nobody again, whatever comes for the same key. So whatever is told after somebody
has had the incident has another key: it is a new alert. All of them are closed together.
"""

from collections.abc import Iterable
from typing import Final

from coldwatch.incidents.incident import EventType, TimelineEvent

MOST: Final = 20
"""How many alerts of one incident are looked after; of more, the newest: the others somebody has had for long."""
_TAKEN: Final = frozenset({EventType.ACKNOWLEDGED, EventType.SNOOZED})


def key_of(incident_id: str, timeline: Iterable[TimelineEvent]) -> str:
    """That of what is told now."""
    return _key(incident_id, _times_taken(timeline))


def keys_of(incident_id: str, timeline: Iterable[TimelineEvent], *, is_over: bool) -> list[str]:
    """Those of all that was told, newest first; while somebody has it, nothing was told since."""
    newest = _times_taken(timeline) - (0 if is_over else 1)
    return [_key(incident_id, number) for number in range(newest, max(-1, newest - MOST), -1)]


def _times_taken(timeline: Iterable[TimelineEvent]) -> int:
    return sum(event.type in _TAKEN for event in timeline)


def _key(incident_id: str, number: int) -> str:
    return f"{incident_id}/{number}"
