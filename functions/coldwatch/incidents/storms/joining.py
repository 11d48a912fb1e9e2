"""An incident joins the storm at its gateway or site, or makes one of what is there.

Nothing is counted in one place. Each incident enters its group under a key of its own, then reads who is there: of two
that enter at once the later one sees both, so whoever is last of so many that they are a storm knows it. Everybody who
knows it tries to open the storm; the lock of its key lets one. Whoever was quicker or slower, is killed or comes again,
finds the storm that is open and joins it. A storm that was resolved has used up those that came before its end.

An incident of a gateway's storm does not count at its site, the storm itself does. So one bad gateway is its own storm,
and two of them, or many devices, are their site's, of which the gateway's storm is a child.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coldwatch.incidents import reconciling
from coldwatch.incidents.changing import ATTEMPTS, ContendedError, found
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.lifecycle import opened
from coldwatch.incidents.ports import Executions, IncidentStore
from coldwatch.incidents.storms import attaching, forming
from coldwatch.incidents.storms.attaching import attach
from coldwatch.incidents.storms.family import ancestors, topmost
from coldwatch.incidents.storms.grouping import Group, Member, groups_of, is_storm, most_of
from coldwatch.incidents.storms.leaving import settle_parent
from coldwatch.incidents.storms.ports import FamilyStore, GroupStore
from coldwatch.incidents.storms.rules import StormRules

KEPT_MS = 7 * 86_400_000
"""How long a group remembers who entered it; far longer than any window."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`is_kept_out`: under maintenance nobody is told of it, so it makes no storm."""

    attaching: attaching.Ports
    groups: GroupStore
    executions: Executions
    is_kept_out: Callable[[Incident, int], bool]

    @property
    def incidents(self) -> IncidentStore:
        return self.attaching.incidents

    @property
    def families(self) -> FamilyStore:
        return self.attaching.families

    @property
    def rules(self) -> StormRules:
        return self.attaching.rules


def join_storm(incident: Incident, ports: Ports, *, now_ms: int) -> Incident:
    """The incident as it is afterwards. To be called with every delivery of what opened it."""
    incident = found(ports.incidents, incident.incident_id)
    groups = groups_of(incident, ports.rules)
    if not groups or incident.status is Status.RESOLVED or ports.is_kept_out(incident, now_ms):
        return incident
    there = [(group, storm) for group in groups if (storm := _open_storm(incident, group, ports))]
    for group, storm in there:
        _finish(incident, storm, group, ports, now_ms)
    if there:
        _, widest = there[-1]
        attach(topmost(incident, ports.incidents), widest, ports.attaching, now_ms)
        _see_to_its_workflow(widest, ports, now_ms)
    else:
        _gather(incident, groups, ports, now_ms)
    joined = found(ports.incidents, incident.incident_id)
    attaching.grow_all_above(joined, ports.attaching, now_ms=now_ms)
    return joined


def _open_storm(incident: Incident, group: Group, ports: Ports) -> Incident | None:
    storm = ports.families.last_storm(group.key)
    is_other = storm is not None and storm.incident_id != incident.incident_id
    return storm if is_other and storm and storm.status is not Status.RESOLVED else None


def _finish(incident: Incident, storm: Incident, group: Group, ports: Ports, now_ms: int) -> None:
    """Whoever opened a storm does the rest of that again, should it have died over it."""
    openers = incident, *ancestors(incident, ports.incidents)
    if storm.incident_id in {forming.storm_id(group, each) for each in openers}:
        _bring_in(storm, group, incident.opened_at, ports, now_ms)
        _see_to_its_workflow(storm, ports, now_ms)
        _gather(storm, groups_of(storm, ports.rules), ports, now_ms)


def _gather(incident: Incident, groups: Sequence[Group], ports: Ports, now_ms: int) -> None:
    """Enter each group, the narrower first; a storm that comes of it goes on in the incident's place."""
    for group in groups:
        if incident.parent_id is not None or incident.key == group.key:
            continue
        at = incident.opened_at
        ports.groups.enter(group.key, Member(incident.incident_id, at), forget_at=now_ms + KEPT_MS)
        storm = _storm_of(incident, group, at, ports, now_ms)
        if storm is not None:
            _bring_in(storm, group, at, ports, now_ms)
            attach(topmost(incident, ports.incidents), storm, ports.attaching, now_ms)
            _see_to_its_workflow(storm, ports, now_ms)
            incident = found(ports.incidents, storm.incident_id)


def _storm_of(incident: Incident, group: Group, at: int, ports: Ports, now_ms: int) -> Incident | None:
    """The storm that the group is, opened by whoever of those that see it is first; None where it is none."""
    for _ in range(ATTEMPTS):
        last = ports.families.last_storm(group.key)
        if last and last.status is not Status.RESOLVED:
            return last
        members = _members(group, at, ports, after=(last.resolved_at or 0) if last else 0)
        if not is_storm([each.at for each in members], at, group.rule):
            return None
        if ports.incidents.find(forming.storm_id(group, incident)):
            return None
        storm = _open(incident, group, members, ports, now_ms)
        if storm is not None:
            return storm
    raise ContendedError(f"the storm of {group.key}")


def _members(group: Group, at: int, ports: Ports, *, after: int) -> list[Member]:
    window = at - group.window_ms, at + group.window_ms
    found_members = ports.groups.members(group.key, *window, at_most=most_of(group.rule))
    return [each for each in found_members if each.at > after]


def _open(incident: Incident, group: Group, members: Sequence[Member], ports: Ports, now_ms: int) -> Incident | None:
    """With a mark for each who is expected, so that it is not over before they have joined."""
    known = [each for member in members if (each := ports.incidents.find(member.incident_id))]
    heads = {head.incident_id: head for each in known if (head := topmost(each, ports.incidents))}
    expected = [each for each in heads.values() if each.status is not Status.RESOLVED]
    heads_there = expected or [incident]
    formed = forming.form(group, incident, heads_there, incident.plan, now_ms=now_ms)
    plan, complaint = attaching.plan_of(formed, heads_there, ports.attaching)
    storm = forming.replanned(formed, plan, heads_there)
    what = f"{len(known)} incidents within {group.rule.window_s} s at {group.rule.by} {group.place}."
    what = f"{what} {complaint}" if complaint else what
    is_opened = ports.families.open_storm(storm, opened(storm, what), sorted(each.incident_id for each in expected))
    return storm if is_opened else None


def _bring_in(storm: Incident, group: Group, at: int, ports: Ports, now_ms: int) -> None:
    """Whoever was there before the storm joins it; who is over by now, or has gone elsewhere, is not waited for."""
    window = at - group.window_ms, at + group.window_ms
    for member in ports.groups.members(group.key, *window, at_most=most_of(group.rule)):
        known = ports.incidents.find(member.incident_id)
        head = topmost(known, ports.incidents) if known else storm
        if forming.is_wider(head, storm):
            attach(storm, head, ports.attaching, now_ms)
        else:
            attach(head, storm, ports.attaching, now_ms)
    for child_id in ports.families.open_children(storm.incident_id):
        if not _is_open_child(ports.incidents.find(child_id), storm):
            ports.families.leave(storm.incident_id, child_id)
    settle_parent(storm.incident_id, ports.incidents, ports.families, ports.attaching.waiting, now_ms=now_ms)


def _is_open_child(incident: Incident | None, storm: Incident) -> bool:
    return incident is not None and incident.status is not Status.RESOLVED and incident.parent_id == storm.incident_id


def _see_to_its_workflow(storm: Incident, ports: Ports, now_ms: int) -> None:
    """Until somebody was told of it: whoever opened it may have died before it had one."""
    if storm.round == 0:
        attached = found(ports.incidents, storm.incident_id)
        reconciling.attach(attached, ports.incidents, ports.executions, now_ms=now_ms)
