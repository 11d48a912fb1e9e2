"""Opens an incident for an effect, once, however often and wherever in between it is delivered again.

The incident's id is made from the effect. What is found first decides: the incident itself (it was opened before), a
mark (the effect was taken into an incident that was open then), an open incident of the same detector (it is joined),
or nothing. The workflow is started each time: one that runs is as good, and one that has ended too early is replaced.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import ATTEMPTS, ContendedError, found
from coldwatch.incidents.effects import IncidentEffect
from coldwatch.incidents.identity import incident_id
from coldwatch.incidents.incident import Incident, Severity, Status
from coldwatch.incidents.kinds import SINGLE_EVENTS, Kind
from coldwatch.incidents.policy import DEFAULT_POLICY, IncidentFacts, Plan, PolicyError, plan_without_tiers
from coldwatch.incidents.ports import (
    DetectorStates,
    Device,
    DeviceDirectory,
    Executions,
    IncidentForm,
    IncidentStore,
    PolicyStore,
    Waiting,
)
from coldwatch.incidents.reconciling import attach
from coldwatch.incidents.recovery import settle

PENDING, EXCURSION = "pending", frozenset({"excursion", "recovering"})
"""States of a detector of excursions: out of range for a while, and out of range for so long that it was said."""

UNKNOWN_DEVICE_TYPE = "unknown"


class Opened(StrEnum):
    OPENED = "opened"
    JOINED = "joined"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Ports:
    """`forms` says what incident each detector model opens; `join` brings an incident into the storm that it is of."""

    incidents: IncidentStore
    devices: DeviceDirectory
    policies: PolicyStore
    detectors: DetectorStates
    executions: Executions
    waiting: Waiting
    forms: Mapping[str, IncidentForm]
    join: Callable[[Incident, int], Incident] = lambda incident, _now_ms: incident


@dataclass(frozen=True, slots=True)
class Opening:
    """`complaint` says why nobody, or not whom the fleet's policy names, will be told."""

    incident: Incident
    outcome: Opened
    complaint: str | None = None


def open_incident(effect: IncidentEffect, ports: Ports, *, now_ms: int) -> Opening:
    """Open, join or find the incident of `effect`, and see to it that its workflow runs."""
    opening = _find_or_write(effect, ports, now_ms)
    incident = opening.incident
    incident = attach(incident, ports.incidents, ports.executions, now_ms=now_ms)
    if opening.outcome is Opened.JOINED:
        # What it says now may have ended a snooze.
        ports.waiting.wake(incident, now_ms=now_ms)
    if incident.is_recovered and incident.status is not Status.RESOLVED:
        # An effect that comes late, after its own recovery: the plan may let that resolve it.
        incident = settle(incident.incident_id, ports.incidents, ports.waiting, now_ms=now_ms).incident or incident
    # After its workflow is started: whatever goes wrong with a storm, somebody is told.
    return replace(opening, incident=ports.join(incident, now_ms))


def _find_or_write(effect: IncidentEffect, ports: Ports, now_ms: int) -> Opening:
    own_id = incident_id(effect.detector_model, effect.detector_key, effect.effect_id)
    for _ in range(ATTEMPTS):
        if known := ports.incidents.find(own_id):
            return Opening(known, Opened.KNOWN)
        if holder := ports.incidents.taken_into(effect.effect_id):
            return Opening(found(ports.incidents, holder), Opened.JOINED)
        opening = _join(effect, ports, now_ms) or _write(effect, own_id, ports, now_ms)
        if opening:
            return opening
    raise ContendedError(f"what is open of {effect.detector_model}/{effect.detector_key}")


def _join(effect: IncidentEffect, ports: Ports, now_ms: int) -> Opening | None:
    holder = ports.incidents.find_open(effect.detector_model, effect.detector_key)
    if holder is None:
        return None
    change = lifecycle.repeat(
        holder,
        effect_id=effect.effect_id,
        occurred_at=effect.occurred_at,
        began_at=effect.began_at,
        what=f"The detector says it again: {effect.event_name}.",
        now_ms=now_ms,
    )
    return Opening(change.after, Opened.JOINED) if change and ports.incidents.apply(change) else None


def _write(effect: IncidentEffect, own_id: str, ports: Ports, now_ms: int) -> Opening | None:
    device = ports.devices.find(effect.device_id)
    form, about = _form(effect, ports)
    plan, complaint = choose_plan(ports.policies, _facts(effect, form, device))
    incident = _new(effect, own_id, form, plan, device, now_ms)
    recovery = ports.incidents.last_recovery(effect.detector_model, effect.detector_key)
    if recovery is not None and recovery > effect.occurred_at:
        incident = replace(incident, recovered_at=recovery)
    what = " ".join(each for each in (f"{incident.title}.", about, complaint) if each)
    written = ports.incidents.open(incident, lifecycle.opened(incident, what))
    return Opening(incident, Opened.OPENED, complaint) if written else None


def choose_plan(policies: PolicyStore, about: IncidentFacts) -> tuple[Plan, str | None]:
    """The plan of the fleet's policy, or else of the default one; and a sentence where nobody will be told.

    A fleet's policy of whose rules none holds leaves it to the default one.
    """
    complaints: list[str] = []
    for policy_id in dict.fromkeys((about.fleet_id, DEFAULT_POLICY)):
        try:
            policy = policies.find(policy_id) if policy_id else None
        except PolicyError as error:
            complaints.append(f"It cannot be used: {error}.")
            continue
        plan = policy.plan_for(about) if policy else None
        if plan and not plan.tiers:
            complaints.append(f"Policy {policy_id} names nobody for {about.severity} incidents.")
        if plan:
            return plan, " ".join(complaints) or None
        if policy and policy_id == DEFAULT_POLICY:
            complaints.append(f"No rule of policy {policy_id} holds for it: nobody is told.")
            return plan_without_tiers(policy_id, policy.version), " ".join(complaints)
    return plan_without_tiers(), " ".join([*complaints, "There is no escalation policy: nobody is told."])


def _facts(effect: IncidentEffect, form: IncidentForm, device: Device | None) -> IncidentFacts:
    return IncidentFacts(
        fleet_id=device.fleet_id if device else "",
        device_type=(device.device_type if device else "") or UNKNOWN_DEVICE_TYPE,
        detector_model=effect.detector_model,
        kind=form.kind,
        severity=form.severity,
    )


def _form(effect: IncidentEffect, ports: Ports) -> tuple[IncidentForm, str | None]:
    """What incident it is. One of a model that no deployment knows is opened all the same."""
    own = ports.forms.get(effect.detector_model)
    kind = effect.kind or (own.kind if own else Kind.OUT_OF_RANGE)
    severity = Severity(effect.severity or (own.severity if own else Severity.WARNING))
    form = IncidentForm(kind, severity, effect.title or (own.title if own else effect.event_name))
    if kind == Kind.SILENT:
        return _last_seen(form, effect.device_id, ports)
    return form, None


def _last_seen(form: IncidentForm, device_id: str, ports: Ports) -> tuple[IncidentForm, str | None]:
    """A device that falls silent while it is out of range is as grave as the excursion that it cannot confirm."""
    for model, other in ports.forms.items():
        if other.kind not in SINGLE_EVENTS:
            continue
        state = ports.detectors.state_of(model, device_id)
        if state == PENDING or state in EXCURSION:
            doubt = ", unconfirmed" if state == PENDING else ""
            title = f"{form.title}, last seen {other.title.lower()}{doubt}"
            return IncidentForm(form.kind, other.severity, title), f"{model} was {state} when nothing more was heard."
    return form, None


def _new(  # noqa: PLR0917 - what an incident is made of
    effect: IncidentEffect, own_id: str, form: IncidentForm, plan: Plan, device: Device | None, now_ms: int
) -> Incident:
    return Incident(
        incident_id=own_id,
        detector_model=effect.detector_model,
        key=effect.detector_key,
        device_id=effect.device_id,
        thing_type=(device.device_type if device else "") or UNKNOWN_DEVICE_TYPE,
        fleet_id=device.fleet_id if device else "",
        application=effect.application,
        kind=form.kind,
        severity=form.severity,
        title=form.title,
        status=Status.OPEN,
        began_at=effect.began_at,
        opened_at=now_ms,
        occurrence=effect.effect_id,
        clock=effect.clock,
        excursion_at=effect.occurred_at,
        profile=effect.profile or {},
        plan=plan,
        gateway=_place(device, "gateway"),
        site=_place(device, "site"),
    )


def _place(device: Device | None, name: str) -> str | None:
    """What the registry says of where a device is; whoever wrote it may have left it empty."""
    said = device.place.get(name) if device else None
    return said if isinstance(said, str) and said else None
