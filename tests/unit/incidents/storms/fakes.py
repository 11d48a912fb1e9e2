"""Storms' stores that keep the promises of `storms.ports`, and a world with them in it.

`tests/integration/aws/test_storm_stores.py` runs the same facts against these and the real ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from coldwatch.incidents import opening, telling
from coldwatch.incidents.incident import STORM, Incident, Plan, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.opening import choose_plan
from coldwatch.incidents.paging import links_of
from coldwatch.incidents.policy import IncidentFacts
from coldwatch.incidents.storms import attaching, joining, posting, silencing
from coldwatch.incidents.storms.budget import Spent
from coldwatch.incidents.storms.grouping import Member
from coldwatch.incidents.storms.joining import join_storm
from coldwatch.incidents.storms.leaving import leave
from coldwatch.incidents.storms.maintenance import MaintenanceWindow
from coldwatch.incidents.storms.ports import DigestEntry, MessageIds
from coldwatch.incidents.storms.posting import DigestingBudget
from coldwatch.incidents.storms.rules import Budget, GroupingRule, Inhibition, StormRules
from coldwatch.incidents.storms.silencing import StormSilencing
from coldwatch.incidents.workflow import seconds_until
from tests.unit.incidents.fakes import Course, FakeIncidents, World

RULES = StormRules(
    grouping=[
        GroupingRule(by="gateway", window_s=120, at_least=3),
        GroupingRule(by="site", window_s=300, at_least=5),
    ],
    never_grouped=["battery_low"],
    inhibition=Inhibition(models=["device_silence"], grace_s=60),
    budget=Budget(messages=6, window_s=600, reserved=2),
)
FEW = 1000
"""More messages than any test sends."""


@dataclass
class FakeFamilies:
    """Beside the incidents: who is a child of what."""

    incidents: FakeIncidents
    last: dict[str, str] = field(default_factory=dict)
    joined: dict[str, set[str]] = field(default_factory=dict)
    unfinished: dict[str, set[str]] = field(default_factory=dict)

    def last_storm(self, group: str) -> Incident | None:
        return self.incidents.find(self.last.get(group, ""))

    def open_storm(self, storm: Incident, event: TimelineEvent, expected: Sequence[str]) -> bool:
        assert (storm.detector_model, storm.kind) == (STORM, STORM)
        if not self.incidents.open(storm, event):
            return False
        self.last[storm.key] = storm.incident_id
        self.unfinished.setdefault(storm.incident_id, set()).update(expected)
        return True

    def attach(self, change: Change, parent_id: str, event: TimelineEvent) -> bool:
        if not self.incidents.apply(change):
            return False
        child = change.after.incident_id
        self.joined.setdefault(parent_id, set()).add(child)
        self.unfinished.setdefault(parent_id, set()).add(child)
        self.incidents.events.setdefault(parent_id, {})[event.at, event.event_id] = event
        return True

    def leave(self, parent_id: str, child_id: str) -> None:
        self.unfinished.get(parent_id, set()).discard(child_id)

    def has_open_child(self, parent_id: str) -> bool:
        return bool(self.unfinished.get(parent_id))

    def open_children(self, parent_id: str) -> list[str]:
        return sorted(self.unfinished.get(parent_id, ()))

    def children(self, parent_id: str) -> list[str]:
        return sorted(self.joined.get(parent_id, ()))

    def count_children(self, parent_id: str) -> int:
        return len(self.joined.get(parent_id, ()))


@dataclass
class FakeStorms:
    groups: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    budgets: dict[str, Spent] = field(default_factory=dict)
    entries: dict[tuple[int, str, str, int], DigestEntry] = field(default_factory=dict)
    digests: dict[str, dict[tuple[str, int], tuple[int, MessageIds]]] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    all_windows: dict[str, MaintenanceWindow] = field(default_factory=dict)

    def enter(self, group: str, member: Member, *, forget_at: int) -> None:
        assert forget_at > member.at
        self.groups.setdefault(group, set()).add((member.at, member.incident_id))

    def members(self, group: str, from_ms: int, to_ms: int, *, at_most: int) -> list[Member]:
        within = sorted(each for each in self.groups.get(group, ()) if from_ms <= each[0] <= to_ms)
        return [Member(incident_id, at) for at, incident_id in within[:at_most]]

    def spent(self, contact_id: str) -> Spent | None:
        return self.budgets.get(contact_id)

    def spend(self, contact_id: str, before: Spent | None, after: Spent) -> bool:
        if self.budgets.get(contact_id) != before:
            return False
        self.budgets[contact_id] = after
        return True

    def queue(self, entry: DigestEntry) -> None:
        self.entries[entry.due_at, entry.contact_id, entry.incident_id, entry.round] = entry

    def due(self, now_ms: int) -> list[DigestEntry]:
        return [entry for key, entry in sorted(self.entries.items()) if key[0] <= now_ms]

    def unqueue(self, entry: DigestEntry) -> None:
        self.entries.pop((entry.due_at, entry.contact_id, entry.incident_id, entry.round), None)

    def claim_digest(self, contact_id: str, *, now_ms: int, until_ms: int) -> bool:
        if self.claims.get(contact_id, 0) > now_ms:
            return False
        self.claims[contact_id] = until_ms
        return True

    def release_digest(self, contact_id: str, *, until_ms: int) -> None:
        if self.claims.get(contact_id) == until_ms:
            del self.claims[contact_id]

    def note_digest(self, contact_id: str, at: int, told: Mapping[DigestEntry, MessageIds]) -> None:
        noted = self.digests.setdefault(contact_id, {})
        noted |= {(entry.incident_id, entry.round): (at, ways) for entry, ways in told.items()}

    def noted_digests(self, contact_id: str) -> Mapping[tuple[str, int], tuple[int, MessageIds]]:
        return dict(self.digests.get(contact_id, {}))

    def unfinished(self, now_ms: int) -> list[MaintenanceWindow]:
        return [each for each in self.windows() if each.until_ms >= now_ms]

    def windows(self) -> list[MaintenanceWindow]:
        return sorted(self.all_windows.values(), key=lambda each: (each.until_ms, each.window_id))

    def put_window(self, window: MaintenanceWindow, *, before: MaintenanceWindow | None = None) -> bool:
        if self.all_windows.get(window.window_id) != before:
            return False
        self.all_windows[window.window_id] = window
        return True


@dataclass
class StormWorld(World):
    storms: FakeStorms = field(default_factory=FakeStorms)
    rules: StormRules = RULES
    told_tokens: dict[str, Any] = field(default_factory=dict)
    dies_before_leaving: bool = False
    """Whoever would say that a child is over does not live to do so."""
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.families = FakeFamilies(self.incidents)

    def answers(self) -> Mapping[str, Any]:
        """What each token was told."""
        heard = self.waiting.heard
        self.told_tokens |= dict(heard[len(self.told_tokens) :])
        return self.told_tokens

    def attaching(self, course: Course | None = None) -> attaching.Ports:
        watch = (course or Course()).watch
        return attaching.Ports(
            incidents=watch(self.incidents),
            families=watch(self.families),
            waiting=watch(self.waiting),
            rules=self.rules,
            choose_plan=self._plan,
            complain=lambda _storm, complaint: self.complaints.append(complaint),
        )

    def joining(self, course: Course | None = None) -> joining.Ports:
        watch = (course or Course()).watch
        return joining.Ports(
            attaching=self.attaching(course),
            groups=watch(self.storms),
            executions=watch(self.executions),
            is_kept_out=silencing.kept_out(self.storms),
        )

    def opening(self, course: Course | None = None) -> opening.Ports:
        ports = self.joining(course)
        watch = (course or Course()).watch
        return opening.Ports(
            incidents=watch(self.incidents),
            devices=watch(self.directory),
            policies=watch(self.directory),
            detectors=watch(self.directory),
            executions=watch(self.executions),
            waiting=watch(self.waiting),
            forms=self.forms,
            join=lambda incident, now_ms: join_storm(incident, ports, now_ms=now_ms),
        )

    def silencing(self, course: Course | None = None) -> StormSilencing:
        return StormSilencing(silencing.Ports(self.attaching(course), self.storms))

    def telling(self, course: Course | None = None) -> telling.Ports:
        watch = (course or Course()).watch
        silencing_ = self.silencing(course)

        def silenced_s(incident: Incident, now_ms: int) -> int | None:
            silence = silencing_.reason(incident, now_ms=now_ms)
            return seconds_until(silence.until_ms, now_ms) if silence else None

        budget = DigestingBudget(watch(self.storms), self.rules, watch(self.incidents))
        return replace(super().telling(course), silenced_s=silenced_s, budget=budget)

    def posting(self, course: Course | None = None) -> posting.Ports:
        watch = (course or Course()).watch
        ports = self.telling(course)
        return posting.Ports(
            incidents=ports.incidents,
            store=watch(self.storms),
            recipients=ports.recipients,
            notifier=ports.notifier,
            rules=self.rules,
            is_silenced=lambda incident, now_ms: ports.silenced_s(incident, now_ms) is not None,
            make_link=links_of(ports),
        )

    def leave(self, incident: Incident, now_ms: int, course: Course | None = None) -> None:
        if self.dies_before_leaving:
            return
        watch = (course or Course()).watch
        leave(incident, watch(self.incidents), watch(self.families), watch(self.waiting), now_ms=now_ms)

    def storm_incidents(self) -> list[Incident]:
        return [each for each in self.incidents.incidents.values() if each.kind == STORM]

    def _plan(self, incident: Incident) -> tuple[Plan, str | None]:
        about = IncidentFacts(incident.fleet_id, "unknown", STORM, STORM, incident.severity)
        return choose_plan(self.directory, about)

    def what(self, incident: Incident) -> list[Any]:
        return [event.type for event in self.incidents.timeline(incident.incident_id)]
