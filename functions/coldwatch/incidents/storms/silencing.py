"""Why nobody is told of an incident now, and when that is asked again. Asked before each round.

In this order: maintenance, the storm that it is part of, the silence of its gateway. Whatever holds an incident back is
told itself, or is said to the operators; each says on the incident's timeline that it does, and when it no longer does.
A silence ends by itself: nothing has to wake it, so nothing that dies can leave it behind.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.incident import STORM, AutoResolve, EventType, Incident, Severity, Status
from coldwatch.incidents.kinds import Kind
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import IncidentStore
from coldwatch.incidents.storms import attaching, forming
from coldwatch.incidents.storms.attaching import catch_up
from coldwatch.incidents.storms.family import ancestors
from coldwatch.incidents.storms.leaving import let_go
from coldwatch.incidents.storms.maintenance import MaintenanceWindow, silencing
from coldwatch.incidents.storms.ports import MaintenanceStore
from coldwatch.incidents.storms.rules import StormRules
from coldwatch.incidents.storms.silence import Silence
from coldwatch.incidents.storms.speaking import speaks
from coldwatch.incidents.wording import moment

_SHORTEST_MS, _LONGEST_MS = 30_000, 300_000
_LONGEST_CHAIN = 4
"""Of gateways behind gateways; whatever is longer is a fault in the registry."""
_LONGEST_MAINTENANCE_MS = 900_000
"""How soon it is asked again: a quarter of the incident's age, within these."""


@dataclass(frozen=True, slots=True)
class Ports:
    attaching: attaching.Ports
    maintenance: MaintenanceStore

    @property
    def incidents(self) -> IncidentStore:
        return self.attaching.incidents

    @property
    def rules(self) -> StormRules:
        return self.attaching.rules


@dataclass(frozen=True, slots=True)
class StormSilencing:
    """Finds what holds an incident back now: maintenance, its storm, its gateway."""

    ports: Ports

    def reason(self, incident: Incident, *, now_ms: int) -> Silence | None:
        """Why nobody is told now. What is found out on the way is written: that it joined a storm, that somebody has
        the storm and so has it, that it is over with what held it back.
        """
        if incident.kind == STORM:
            incident = _without_those_who_are_over(incident, self.ports, now_ms)
        if incident.status is not Status.OPEN:
            return None
        silence = _maintenance(incident, self.ports, now_ms)
        if silence is None:
            incident = catch_up(incident, self.ports.attaching, now_ms=now_ms)
            silence = _storm(incident, self.ports, now_ms) or _gateway(incident, self.ports, now_ms)
        note_silence(incident, silence, self.ports.incidents, now_ms)
        if incident.kind == STORM and silence is None:
            _count(incident, self.ports)
        return silence


def kept_out(maintenance: MaintenanceStore) -> Callable[[Incident, int], bool]:
    """Whether maintenance silences an incident, so that it makes no storm."""
    return lambda incident, now_ms: silencing(maintenance.unfinished(now_ms), incident, now_ms) is not None


def note_silence(incident: Incident, silence: Silence | None, incidents: IncidentStore, now_ms: int) -> None:
    """On the timeline, once: that nobody is told and why, or that it is told again."""
    carry_out(incidents, incident.incident_id, lambda each: _noted(each, silence, now_ms))


def _noted(incident: Incident, silence: Silence | None, now_ms: int) -> Change | None:
    if incident.status is not Status.OPEN:
        return None
    by = silence.by if silence else None
    if by == incident.silenced_by or (silence is not None and by is None):
        return None
    inhibitor = by.removeprefix("gateway:") if by and by.startswith("gateway:") else None
    after = replace(incident, silenced_by=by, inhibited_by=inhibitor)
    if silence is None:
        what = "What held it back is over, and it is not: it is told on its own."
        return lifecycle.note(incident, after, EventType.UNSILENCED, what, now_ms=now_ms)
    return lifecycle.note(incident, after, EventType.SILENCED, f"Nobody is told now. {silence.reason}", now_ms=now_ms)


def ask_again_ms(incident: Incident, now_ms: int, longest_ms: int = _LONGEST_MS) -> int:
    """Often at first, when things change; seldom when they have lasted, so that a workflow's history has room."""
    return now_ms + min(max((now_ms - incident.opened_at) // 4, _SHORTEST_MS), longest_ms)


def _maintenance(incident: Incident, ports: Ports, now_ms: int) -> Silence | None:
    window = silencing(ports.maintenance.unfinished(now_ms), incident, now_ms)
    if window is None:
        return None
    until_ms = min(window.end_ms, ask_again_ms(incident, now_ms, _LONGEST_MAINTENANCE_MS))
    return Silence(_words(window), until_ms, f"maintenance:{window.window_id}")


def _words(window: MaintenanceWindow) -> str:
    return f"Maintenance of {window.scope.words} until {moment(window.end_ms)} ({window.who}: {window.why})."


def _storm(incident: Incident, ports: Ports, now_ms: int) -> Silence | None:
    """A storm that somebody has is theirs with all that is in it; one that nobody has yet is told in its place, as long
    as it tells somebody (`speaking`). Whoever took it for something lesser than this incident does not have it.
    """
    attaching.grow_all_above(incident, ports.attaching, now_ms=now_ms)
    above = list(ancestors(incident, ports.incidents))
    if not above:
        _settle_with_parent(incident, ports, now_ms)
        return None
    taken = next((each for each in above if each.status is Status.ACKNOWLEDGED), None)
    if taken is not None:
        _take_with(taken, incident, ports, now_ms)
        return None
    top = next((each for each in reversed(above) if _speaks(each, ports, now_ms)), None)
    if top is None:
        return None
    until_ms = ask_again_ms(incident, now_ms)
    return Silence(f"It is told with {top.title} ({top.incident_id}).", until_ms, f"storm:{top.incident_id}")


def _take_with(taken: Incident, incident: Incident, ports: Ports, now_ms: int) -> None:
    who = taken.acknowledged_by or ""
    note = f"With {taken.title} ({taken.incident_id})."
    carry_out(
        ports.incidents,
        incident.incident_id,
        lambda each: lifecycle.acknowledge(each, who=who, note=note, now_ms=now_ms),
    )
    carry_out(ports.incidents, incident.incident_id, lambda each: lifecycle.settle_recovered(each, now_ms=now_ms))


def _settle_with_parent(incident: Incident, ports: Ports, now_ms: int) -> None:
    """Whoever resolved the storm need not be told of what had recovered in it, where a recovery may resolve at all."""
    parent = ports.incidents.find(incident.parent_id) if incident.parent_id else None
    is_let = incident.plan.auto_resolve is not AutoResolve.NEVER
    if parent is None or parent.status is not Status.RESOLVED or not incident.is_recovered or not is_let:
        return
    who = parent.resolved_by or lifecycle.SYSTEM
    carry_out(
        ports.incidents,
        incident.incident_id,
        lambda each: (
            lifecycle.resolve(each, who=who, resolution="recovered, with its storm", note=None, now_ms=now_ms)
            if each.is_recovered
            else None
        ),
    )


def _gateway(incident: Incident, ports: Ports, now_ms: int) -> Silence | None:
    """A silent gateway makes its devices silent: what is silent is the gateway.

    What is graver than the gateway's incident is told all the same: a device that was too warm when it fell silent. So
    is a lost probe: its device is heard.
    """
    if incident.gateway is None or not _is_silence(incident):
        return None
    inhibitor = _inhibitor(incident, ports, now_ms)
    if inhibitor is not None and not forming.is_graver(incident.severity, inhibitor.severity):
        until_ms = ask_again_ms(incident, now_ms)
        reason = f"Its gateway {incident.gateway} is silent (incident {inhibitor.incident_id})."
        return Silence(reason, until_ms, f"gateway:{inhibitor.incident_id}")
    return _grace(incident, ports, now_ms)


def _is_silence(incident: Incident) -> bool:
    """Of a device that is not heard, or a storm of such devices alone."""
    return forming.kinds_of(incident) == {Kind.SILENT}


def _inhibitor(incident: Incident, ports: Ports, now_ms: int) -> Incident | None:
    """Who is told in this one's place: its gateway's silence, or that of the gateway which that is behind."""
    for model in ports.rules.inhibition.models:
        silent = ports.incidents.find_open(model, incident.gateway or "")
        if silent is not None and silent.status is not Status.RESOLVED and _is_silence(silent):
            return _speaker(silent, incident, ports, now_ms)
    return None


def _speaker(silent: Incident, incident: Incident, ports: Ports, now_ms: int) -> Incident | None:
    """Of the silent gateways above one another the topmost of which somebody hears. None where the incident is one of
    them: a registry may say that a gateway is behind itself, or two behind each other.
    """
    chain: list[Incident] = []
    above: Incident | None = silent
    while above is not None and above.status is not Status.RESOLVED:
        if above.incident_id == incident.incident_id or len(chain) == _LONGEST_CHAIN:
            return None
        chain.append(above)
        above = ports.incidents.find(above.inhibited_by) if above.inhibited_by else None
    return next((each for each in reversed(chain) if _speaks(each, ports, now_ms)), None)


def _speaks(incident: Incident, ports: Ports, now_ms: int) -> bool:
    return speaks(incident, ports.incidents, ports.maintenance, now_ms=now_ms)


def _grace(incident: Incident, ports: Ports, now_ms: int) -> Silence | None:
    """The gateway's silence may be found a moment after its devices'; theirs ends a moment after the gateway's."""
    if incident.severity is Severity.CRITICAL:
        return None
    grace_ms = ports.rules.inhibition.grace_s * 1000
    before = found(ports.incidents, incident.inhibited_by) if incident.inhibited_by else None
    since = (before.resolved_at or 0) if before else incident.opened_at if incident.round == 0 else 0
    if now_ms >= since + grace_ms:
        return None
    return Silence("Its gateway may be silent too.", since + grace_ms, incident.silenced_by if before else None)


def _without_those_who_are_over(storm: Incident, ports: Ports, now_ms: int) -> Incident:
    families, waiting = ports.attaching.families, ports.attaching.waiting
    return let_go(storm, ports.incidents, families, waiting, now_ms=now_ms)


def _count(storm: Incident, ports: Ports) -> None:
    number = ports.attaching.families.count_children(storm.incident_id)
    carry_out(ports.incidents, storm.incident_id, lambda each: forming.count(each, number))
