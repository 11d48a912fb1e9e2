"""Test pages: incidents that only show whether somebody would answer.

Each responder whom a policy names has one of their own, on the way that any incident takes: workflow, message, link,
page, record. All at once, since whoever answers for a tier would keep the others of it from being tested. It is over a
minute after it was acknowledged, or when its time is over; nobody else is told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from coldwatch.incidents.effects import IncidentEffect
from coldwatch.incidents.incident import NOT_ANSWERED, TEST, Incident, Status
from coldwatch.incidents.opening import Opening, Ports, open_incident
from coldwatch.incidents.policy import (
    SHORTEST_REPEAT_S,
    AutoResolve,
    EscalationPolicy,
    Plan,
    Responder,
    Severity,
    Tier,
    by_severity,
)

DETECTOR_MODEL = "test_page"
DEVICE = "test-page"
"""Stands where other incidents have a device: by it, test pages are found."""

TITLE = "TEST of the alarm: please say that you have it"
_HELD_S = 60
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Drill:
    """One responder's test page; `policies` name them, and `within_s` is the shortest time that one gives them."""

    responder: Responder
    within_s: int
    policies: tuple[str, ...]

    @property
    def key(self) -> str:
        """What its incident has for a key: one at a time is open.

        >>> Drill(Responder(contact="ana", channels=("sms",)), 60, ()).key, Drill(Responder(rota="nights"), 60, ()).key
        ('contact:ana:sms', 'rota:nights')
        """
        name = f"rota:{self.responder.rota}" if self.responder.rota else f"contact:{self.responder.contact}"
        return ":".join([name, *(["+".join(self.responder.channels)] if self.responder.channels else [])])


class Result(StrEnum):
    ANSWERED = "answered"
    NOT_ANSWERED = "not_answered"
    WAITING = "waiting"
    NOT_TESTED = "not_tested"


@dataclass(frozen=True, slots=True)
class Tested:
    """How a responder's last test page went. `last_answered_at`: when they last answered one at all."""

    key: str
    result: Result
    at: int | None = None
    by: str | None = None
    after_s: int | None = None
    incident_id: str | None = None
    last_answered_at: int | None = None


def drills(policies: Iterable[EscalationPolicy]) -> list[Drill]:
    """Of every responder whom any tier of any plan names, once."""
    found: dict[Responder, Drill] = {}
    for policy in policies:
        for tier in (tier for plan in policy.plans for tier in plan.tiers):
            for responder in tier.responders:
                known = found.get(responder) or Drill(responder, tier.acknowledge_within_s, ())
                named_by = tuple(dict.fromkeys((*known.policies, policy.policy_id)))
                within_s = min(known.within_s, tier.acknowledge_within_s)
                found[responder] = replace(known, within_s=within_s, policies=named_by)
    return sorted(found.values(), key=lambda each: each.key)


def begin(drill: Drill, ports: Ports, *, at_ms: int, now_ms: int) -> Opening:
    """Open it; once for a time `at_ms`, however often it is asked for."""
    return open_incident(_effect(drill, at_ms), replace(ports, policies=_Only(_plan(drill))), now_ms=now_ms)


def results(of: Iterable[Drill], incidents: Iterable[Incident]) -> list[Tested]:
    """`incidents` are those of `DEVICE`."""
    by_key: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_key.setdefault(incident.key, []).append(incident)
    return [_tested(drill, by_key.get(drill.key, [])) for drill in of]


def overdue(tested: Iterable[Tested], *, days: int, now_ms: int, first_at: Mapping[str, int]) -> list[Tested]:
    """Those who have answered none for so many days, though they were asked that long ago, by `first_at`."""
    since = now_ms - days * _DAY_MS
    return [each for each in tested if (each.last_answered_at or 0) < since and first_at.get(each.key, now_ms) < since]


def first_asked(incidents: Iterable[Incident]) -> dict[str, int]:
    """When each responder was first asked, by key."""
    found: dict[str, int] = {}
    for incident in incidents:
        found[incident.key] = min(found.get(incident.key, incident.opened_at), incident.opened_at)
    return found


def _tested(drill: Drill, incidents: list[Incident]) -> Tested:
    if not incidents:
        return Tested(drill.key, Result.NOT_TESTED)
    last = max(incidents, key=lambda each: each.opened_at)
    answers = [at for each in incidents if (at := _answered_at(drill, each)) is not None]
    answered_at = _answered_at(drill, last)
    return Tested(
        drill.key,
        _result(last, answered_at),
        at=last.opened_at,
        by=last.holder or last.resolved_by if answered_at is not None else None,
        after_s=None if answered_at is None else (answered_at - last.opened_at) // 1000,
        incident_id=last.incident_id,
        last_answered_at=max(answers, default=None),
    )


def _result(last: Incident, answered_at: int | None) -> Result:
    if answered_at is not None:
        return Result.ANSWERED
    return Result.NOT_ANSWERED if last.status is Status.RESOLVED else Result.WAITING


def _answered_at(drill: Drill, incident: Incident) -> int | None:
    """By the contact who was asked; for a rota by whomever it named. What an operator settles is no answer."""
    who = incident.holder or (incident.resolved_by if incident.resolution != NOT_ANSWERED else None)
    if who is None or (drill.responder.contact is not None and who != drill.responder.contact):
        return None
    return incident.acknowledged_at or incident.resolved_at


@dataclass(frozen=True, slots=True)
class _Only:
    """A policy store that has this plan for everything."""

    plan: Plan

    def find(self, policy_id: str) -> EscalationPolicy:
        return by_severity(policy_id, self.plan.policy_version, {Severity.WARNING: self.plan})


def _plan(drill: Drill) -> Plan:
    tier = Tier((), drill.within_s, (drill.responder,))
    return Plan(
        (tier,), 1, max(drill.within_s, SHORTEST_REPEAT_S), _HELD_S, AutoResolve.NEVER, TEST, "1", snooze_max_s=0
    )


def _effect(drill: Drill, at_ms: int) -> IncidentEffect:
    return IncidentEffect(
        effect_id=f"{DETECTOR_MODEL}-{at_ms}-{drill.key}",
        detector_model=DETECTOR_MODEL,
        key=drill.key,
        device_id=DEVICE,
        application="coldchain",
        occurred_at=at_ms,
        began_at=at_ms,
        clock="wall",
        event_name="Test page",
        kind=TEST,
        severity=Severity.WARNING.value,
        title=TITLE,
    )
