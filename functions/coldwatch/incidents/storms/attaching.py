"""A child joins a storm that is open, and the storm becomes as grave as its gravest child."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coldwatch.incidents.changing import ATTEMPTS, ContendedError, carry_out, found
from coldwatch.incidents.incident import Incident, Plan, Status
from coldwatch.incidents.ports import IncidentStore
from coldwatch.incidents.storms import forming
from coldwatch.incidents.storms.family import ancestors
from coldwatch.incidents.storms.grouping import Group, groups_of
from coldwatch.incidents.storms.ports import FamilyStore, Waking
from coldwatch.incidents.storms.rules import StormRules


@dataclass(frozen=True, slots=True)
class Ports:
    """`choose_plan` gives the plan for a storm as it would be told now, and why nobody would be, if so. `complain` is
    told that of a storm whose own plan names nobody.
    """

    incidents: IncidentStore
    families: FamilyStore
    waiting: Waking
    rules: StormRules
    choose_plan: Callable[[Incident], tuple[Plan, str | None]]
    complain: Callable[[Incident, str], None] = lambda _storm, _complaint: None


def catch_up(incident: Incident, ports: Ports, *, now_ms: int) -> Incident:
    """Join a storm that has opened since the incident did; to be asked before anybody is told."""
    if incident.parent_id is not None or incident.status is Status.RESOLVED:
        return incident
    for group in reversed(groups_of(incident, ports.rules)):
        storm = ports.families.last_storm(group.key)
        if storm and storm.status is not Status.RESOLVED and _is_of_its_time(incident, storm, group):
            attach(incident, storm, ports, now_ms)
            return found(ports.incidents, incident.incident_id)
    return incident


def _is_of_its_time(incident: Incident, storm: Incident, group: Group) -> bool:
    """What was there long before the storm is something else."""
    is_itself = incident.incident_id == storm.incident_id
    return not is_itself and incident.opened_at >= storm.opened_at - group.window_ms


def attach(child: Incident, storm: Incident, ports: Ports, now_ms: int) -> None:
    """A storm may be over by now: then the child, whose parent is no more, is told alone."""
    for _ in range(ATTEMPTS):
        child = found(ports.incidents, child.incident_id)
        if child.incident_id == storm.incident_id:
            return
        change = forming.join(child, storm, now_ms=now_ms)
        if change is None and child.parent_id != storm.incident_id:
            return
        if change is None:
            break
        if ports.families.attach(change, storm.incident_id, forming.joined(child, storm, now_ms=now_ms)):
            break
    else:
        raise ContendedError(f"incident {child.incident_id}")
    _grow(child, storm, ports, now_ms)


def grow_all_above(incident: Incident, ports: Ports, *, now_ms: int) -> None:
    """Each storm that an incident is part of is as grave as it is, though whoever had it join died before that."""
    for storm in list(ancestors(incident, ports.incidents)):
        _grow(incident, storm, ports, now_ms)


def _grow(child: Incident, storm: Incident, ports: Ports, now_ms: int) -> None:
    if child.status is Status.RESOLVED:
        return
    if forming.Growth.by(child, storm) is None:
        if storm.is_escalated:  # whoever made it so may have died before its workflow heard of it
            ports.waiting.wake(storm, now_ms=now_ms)
        return
    plan, _ = plan_of(forming.as_grave_as(storm, child), (child, storm), ports)
    after, change = carry_out(
        ports.incidents, storm.incident_id, lambda each: forming.grow(each, child, plan, now_ms=now_ms)
    )
    if change and after.severity is not change.before.severity:
        ports.waiting.wake(after, now_ms=now_ms)


def plan_of(storm: Incident, members: Sequence[Incident], ports: Ports) -> tuple[Plan, str | None]:
    """The plan of a storm; where that names nobody, the plan of the gravest member that has somebody, and why.

    A policy may well have rules for what devices open and none for storms: whoever would hear of them hears of it.
    """
    plan, complaint = ports.choose_plan(storm)
    if complaint:
        ports.complain(storm, complaint)
    if plan.tiers:
        return plan, complaint
    borrowed = forming.gravest_plan(members)
    if borrowed is None:
        return plan, complaint
    return borrowed, f"{complaint or ''} In place of that it is told as its gravest incident would be.".strip()
