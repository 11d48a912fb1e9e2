"""A storm's own incident: how it is formed, what makes it graver, and how a child joins it. State in, change out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coldwatch.incidents import lifecycle
from coldwatch.incidents.identity import event_id, incident_id
from coldwatch.incidents.incident import STORM, EventType, Incident, Plan, Severity, Status, TimelineEvent
from coldwatch.incidents.kinds import exactly
from coldwatch.incidents.lifecycle import SYSTEM, Change
from coldwatch.incidents.storms.grouping import Group

_GRAVER = {Severity.WARNING: 0, Severity.CRITICAL: 1}


def storm_id(group: Group, opener: Incident) -> str:
    """The same however often the incident that made it a storm is taken in again."""
    return incident_id(STORM, group.key, f"storm of {opener.incident_id}")


def is_graver(one: Severity, other: Severity) -> bool:
    return _GRAVER[one] > _GRAVER[other]


def worst(severities: Sequence[Severity]) -> Severity:
    return max(severities, key=lambda each: _GRAVER[each])


def form(group: Group, opener: Incident, members: Sequence[Incident], plan: Plan, *, now_ms: int) -> Incident:
    """The incident of a storm. It is of the fleet of whoever made it one, and as grave as its gravest member."""
    return Incident(
        incident_id=storm_id(group, opener),
        detector_model=STORM,
        key=group.key,
        device_id=group.place if group.rule.by == "gateway" else group.key,
        thing_type=group.rule.by,
        fleet_id=opener.fleet_id,
        application=opener.application,
        kind=STORM,
        severity=worst([each.severity for each in members]),
        title=f"Storm: {len(members)} incidents or more at {group.rule.by} {group.place}",
        status=Status.OPEN,
        began_at=min(each.began_at for each in members),
        opened_at=now_ms,
        occurrence=f"storm of {opener.incident_id}",
        clock=opener.clock,
        excursion_at=now_ms,
        profile={},
        plan=plan,
        gateway=group.place if group.rule.by == "gateway" else None,
        site=opener.site,
        details={"kinds": sorted({kind for each in members for kind in kinds_of(each)})},
        child_count=len(members),
    )


def gravest_plan(members: Sequence[Incident]) -> Plan | None:
    """Of those whose plan names somebody. What may be commanded of a device may not be of a storm."""
    told = [each for each in members if each.plan.tiers]
    gravest = max(told, key=lambda each: _GRAVER[each.severity], default=None)
    return replace(gravest.plan, commands=()) if gravest else None


def replanned(storm: Incident, plan: Plan, members: Sequence[Incident]) -> Incident:
    """The storm with its plan. Its hold-down is what is left of the first member's who is to be told: that began to
    wait when it opened, and a storm begins no new wait.
    """
    told = [each for each in members if each.plan.tiers] or members
    left_ms = max(0, min(each.held_until for each in told) - storm.opened_at)
    return replace(storm, plan=replace(plan, hold_down_s=min(plan.hold_down_s, -(-left_ms // 1000))))


def as_grave_as(storm: Incident, child: Incident) -> Incident:
    """The storm as it would be with this child; to choose its plan by."""
    return replace(storm, severity=worst([storm.severity, child.severity]))


def kinds_of(incident: Incident) -> frozenset[str]:
    """What a storm is made of; of any other incident its own kind. A lost probe is no silence here."""
    if incident.kind != STORM:
        return frozenset({exactly(incident.kind, incident.detector_model)})
    known = (incident.details or {}).get("kinds", ())
    return frozenset(known) if isinstance(known, list | tuple) else frozenset()


def is_wider(storm: Incident, other: Incident) -> bool:
    """A site's storm holds its gateways' storms, and never the other way round."""
    return (storm.kind, other.kind) == (STORM, STORM) and (storm.thing_type, other.thing_type) == ("site", "gateway")


def join(child: Incident, parent: Incident, *, now_ms: int) -> Change | None:
    """None where the child is over, or is part of it, or is a storm that is as wide."""
    if child.status is Status.RESOLVED or child.parent_id == parent.incident_id:
        return None
    if child.kind == STORM and not is_wider(parent, child):
        return None
    after = replace(child, parent_id=parent.incident_id)
    what = f"It is part of {parent.title[0].lower()}{parent.title[1:]} (incident {parent.incident_id})."
    return lifecycle.note(child, after, EventType.JOINED, what, now_ms=now_ms)


def joined(child: Incident, parent: Incident, *, now_ms: int) -> TimelineEvent:
    """The parent's own event. It changes nothing of the parent, so that hundreds can join at once; the letter puts it
    after the parent's opening, should both come in one millisecond.
    """
    identity = event_id(parent.incident_id, parent.revision, EventType.JOINED, child.incident_id)
    what = f"{child.device_id}: {child.title} ({child.severity}) is part of it (incident {child.incident_id})."
    return TimelineEvent(now_ms, identity.replace("-", "j-"), EventType.JOINED, SYSTEM, what, child.began_at)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a child makes of its parent. `is_graver`: whoever has it, has something else now."""

    severity: Severity
    kinds: frozenset[str]
    is_graver: bool

    @classmethod
    def by(cls, child: Incident, parent: Incident) -> "Growth | None":
        graver = is_graver(child.severity, parent.severity)
        known = kinds_of(parent)
        if not graver and kinds_of(child) <= known:
            return None
        return cls(child.severity if graver else parent.severity, known | kinds_of(child), graver)


def grow(parent: Incident, child: Incident, plan: Plan, *, now_ms: int) -> Change | None:
    """A storm is as grave as its gravest child, and then goes by the plan for that from its first step; whoever had
    taken the lesser one is asked again. One made of another kind as well only says so.
    """
    growth = Growth.by(child, parent)
    if growth is None or parent.status is Status.RESOLVED:
        return None
    details = {**(parent.details or {}), "kinds": sorted(growth.kinds)}
    if not growth.is_graver:
        what = f"There is something else in it: {child.title[0].lower()}{child.title[1:]} ({child.device_id})."
        after = replace(parent, details=details)
    else:
        after = replace(_asked_again(parent, now_ms), details=details, severity=growth.severity, plan=plan, step=0)
        taken = f" {parent.holder} had it before." if parent.holder else ""
        what = f"It is {growth.severity} now: {child.title} ({child.device_id}).{taken}"
    return lifecycle.note(parent, after, EventType.GREW, what, now_ms=now_ms)


def _asked_again(parent: Incident, now_ms: int) -> Incident:
    """As nobody has it; a workflow that waits goes on to the next step at once."""
    return replace(lifecycle.given_back(parent), escalated_round=parent.round, deadline_at=now_ms, graver_round=0)


def count(parent: Incident, number: int) -> Change | None:
    """A count without an event of its own: each child has one."""
    if number == parent.child_count or parent.status is Status.RESOLVED:
        return None
    title = parent.title
    if title.startswith("Storm: ") and " at " in title:
        title = f"Storm: {number} incidents at {title.partition(' at ')[2]}"
    return Change(parent, replace(parent, child_count=number, title=title, revision=parent.revision + 1), None)


def settle(parent: Incident, *, now_ms: int) -> Change | None:
    """All of its children are over, each by its own rule: so is the storm, whatever its plan says of recoveries."""
    if parent.status is Status.RESOLVED:
        return None
    recovered = replace(parent, recovered_at=now_ms)
    change = lifecycle.resolve(
        recovered, who=SYSTEM, resolution="all of its incidents are resolved", note=None, now_ms=now_ms
    )
    return change and replace(change, before=parent)
