"""The hold-down: for so long after an incident opened nobody is told, should it pass by itself."""

from coldwatch.incidents.incident import Incident


def first_page_at(incident: Incident) -> int:
    """Nobody is told before."""
    return incident.opened_at + incident.plan.hold_down_s * 1000


def held_for_s(incident: Incident, *, now_ms: int) -> int:
    """How long nobody is to be told yet, in whole seconds; 0 where somebody may be, or was already."""
    if incident.round:
        return 0
    return max(0, -((now_ms - first_page_at(incident)) // 1000))


def is_unheard(incident: Incident) -> bool:
    """Whether its hold-down has kept it from everybody so far: nobody can be asked to take what nobody was told of.

    The first round begins by a conditional write, and so does the recovery: one of the two sees the other.
    """
    return incident.plan.hold_down_s > 0 and incident.round == 0
