"""The hold-down: for so long after an incident opened nobody is told, should it pass by itself."""

from coldwatch.incidents.incident import Incident


def is_unheard(incident: Incident) -> bool:
    """Whether its hold-down has kept it from everybody so far: nobody can be asked to take what nobody was told of.

    The first round begins by a conditional write, and so does the recovery: one of the two sees the other. Whoever
    asks for the next tier meanwhile knows of it.
    """
    return incident.plan.hold_down_s > 0 and incident.round == 0 and not incident.is_escalated
