"""Stand-ins that keep the promises of `coldwatch.incidents.ports`, and before or after each of whose calls something
else can come: the end of the process, or somebody who was quicker.

`tests/integration/aws/test_incident_stores.py` runs the same facts against `FakeIncidents` and the real store.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from coldwatch.incidents import enrichment, evidence, opening, recording, telling
from coldwatch.incidents.channels.ways import Way
from coldwatch.incidents.contacts import Contact
from coldwatch.incidents.escalation.rota import Rota
from coldwatch.incidents.incident import Incident, Page, Status, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.links import Link
from coldwatch.incidents.paging import Codes
from coldwatch.incidents.policy import EscalationPolicy
from coldwatch.incidents.ports import (
    CommandRefusedError,
    Device,
    IncidentForm,
    Notification,
    NotSentError,
    Recipient,
    recipient_of,
)
from coldwatch.incidents.workflow import answer_of, beginning_of, execution_name, execution_names, seconds_until


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


def kill() -> None:
    raise Killed


@dataclass
class Course:
    """Counts every call of a port; just before, or just after, the one whose number is `at`, `act` happens once."""

    at: int = 0
    is_after: bool = False
    act: Callable[[], None] = kill
    calls: int = 0

    def watch(self, port: Any) -> Any:
        """The port, with each of its calls counted."""
        return _Watched(port, self)

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        is_its_turn = self.calls == self.at
        if is_its_turn and not self.is_after:
            self.act()
        answer = method(*arguments, **named)
        if is_its_turn and self.is_after:
            self.act()
        return answer


class _Watched:
    def __init__(self, port: Any, course: Course) -> None:
        self._port, self._course = port, course

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *arguments, **named: self._course.call(method, *arguments, **named)


@dataclass
class FakeIncidents:
    incidents: dict[str, Incident] = field(default_factory=dict)
    locks: dict[tuple[str, str], str] = field(default_factory=dict)
    events: dict[str, dict[tuple[int, str], TimelineEvent]] = field(default_factory=dict)
    kept_pages: dict[tuple[str, int, str, str], Page] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    recoveries: dict[tuple[str, str], int] = field(default_factory=dict)

    def find(self, incident_id: str) -> Incident | None:
        return self.incidents.get(incident_id)

    def timeline(self, incident_id: str) -> list[TimelineEvent]:
        return [event for _, event in sorted(self.events.get(incident_id, {}).items())]

    def pages(self, incident_id: str) -> list[Page]:
        return [page for (incident, *_), page in sorted(self.kept_pages.items()) if incident == incident_id]

    def find_open(self, detector_model: str, key: str) -> Incident | None:
        return self.incidents.get(self.locks.get((detector_model, key), ""))

    def taken_into(self, effect_id: str) -> str | None:
        return self.taken.get(effect_id)

    def open(self, incident: Incident, event: TimelineEvent) -> bool:
        lock = incident.detector_model, incident.key
        if incident.incident_id in self.incidents or lock in self.locks:
            return False
        self.incidents[incident.incident_id], self.locks[lock] = incident, incident.incident_id
        self._add(incident.incident_id, event)
        return True

    def apply(self, change: Change) -> bool:
        after = change.after
        if self.incidents[after.incident_id].revision != change.before.revision or change.effect_id in self.taken:
            return False
        if change.releases_lock:
            assert self.locks.pop((after.detector_model, after.key)) == after.incident_id
        self.incidents[after.incident_id] = after
        if change.event:
            self._add(after.incident_id, change.event)
        if change.effect_id:
            self.taken[change.effect_id] = after.incident_id
        return True

    def note_recovery(self, detector_model: str, key: str, occurred_at: int) -> None:
        known = self.recoveries.get((detector_model, key), 0)
        self.recoveries[detector_model, key] = max(known, occurred_at)

    def last_recovery(self, detector_model: str, key: str) -> int | None:
        return self.recoveries.get((detector_model, key))

    def pages_of(self, incident_id: str, round_: int, contact_id: str) -> list[Page]:
        own = incident_id, round_, contact_id
        return [page for place, page in sorted(self.kept_pages.items()) if place[:3] == own]

    def note_delivery(self, page: Page, event: TimelineEvent | None) -> bool:
        place = page.incident_id, page.round, page.contact_id, page.channel
        if place not in self.kept_pages:
            return False
        self.kept_pages[place] = page
        if event and (event.at, event.event_id) not in self.events[page.incident_id]:
            self._add(page.incident_id, event)
        return True

    def keep_page(self, page: Page, event: TimelineEvent) -> bool:
        place = page.incident_id, page.round, page.contact_id, page.channel
        known = self.kept_pages.get(place)
        if known and known.is_sent:
            return False
        self.kept_pages[place] = page
        self._add(page.incident_id, event)
        return True

    def keep_token(self, incident: Incident, token: str) -> None:
        known = self.tokens.get(incident.incident_id)
        if known is None or known[2] <= incident.revision:
            self.tokens[incident.incident_id] = token, incident.standing, incident.revision

    def token(self, incident_id: str) -> tuple[str, str, int] | None:
        return self.tokens.get(incident_id)

    def unfinished(self) -> list[str]:
        return [each.incident_id for each in self.incidents.values() if each.status is not Status.RESOLVED]

    def unrecorded(self, *, now_ms: int) -> list[str]:
        over = (each for each in self.incidents.values() if each.status is Status.RESOLVED)
        return [each.incident_id for each in over if not each.is_complete(now_ms)]

    def _add(self, incident_id: str, event: TimelineEvent) -> None:
        events = self.events.setdefault(incident_id, {})
        assert (event.at, event.event_id) not in events, "an event is added once"
        events[event.at, event.event_id] = event


@dataclass
class FakeLinks:
    links: dict[str, Link] = field(default_factory=dict)

    def find(self, link_hash: str) -> Link | None:
        return self.links.get(link_hash)

    def put(self, link: Link) -> None:
        self.links[link.link_hash] = link


@dataclass
class FakeCodes:
    """`ports.CodeStore`."""

    codes: dict[str, str] = field(default_factory=dict)
    tries: dict[str, tuple[int, int]] = field(default_factory=dict)
    """What was tried -> since when, and how often."""

    def put(self, code_hash: str, link_hash: str, *, forget_at: int) -> bool:  # noqa: ARG002 - of the port
        return self.codes.setdefault(code_hash, link_hash) == link_hash

    def find(self, code_hash: str) -> str | None:
        return self.codes.get(code_hash)

    def try_once(self, what: str, *, most: int, within_ms: int, now_ms: int) -> bool:
        since, count = self.tries.get(what, (now_ms, 0))
        if now_ms - since >= within_ms:
            since, count = now_ms, 0
        if count >= most:
            return False
        self.tries[what] = since, count + 1
        return True

    def give_back(self, what: str) -> None:
        since, count = self.tries[what]
        self.tries[what] = since, count - 1


@dataclass
class FakeWaiting:
    """Tokens that wait are those of `open_tokens`; what completes one is told to `heard`."""

    incidents: FakeIncidents
    open_tokens: set[str] = field(default_factory=set)
    heard: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def wake(self, incident: Incident, *, now_ms: int) -> None:
        found = self.incidents.token(incident.incident_id)
        if found and incident.revision > found[2] and incident.standing != found[1]:
            self.complete(found[0], answer_of(incident, now_ms=now_ms))

    def complete_text(self, token: str, output: str) -> None:
        """As Step Functions takes it; a token that waits no longer is refused."""
        if token not in self.open_tokens:
            raise KeyError(token)
        self.complete(token, json.loads(output))

    def complete(self, token: str, answer: Mapping[str, Any]) -> None:
        if token in self.open_tokens:
            self.open_tokens.remove(token)
            self.heard.append((token, answer))


@dataclass
class FakeChannel:
    """What responders and machines were sent, and by which channel. `refuses` holds contacts, and channels, whose
    message is not taken now; `refuses_for_good` channels that never take one.
    """

    sent: list[Notification] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    refuses_for_good: set[str] = field(default_factory=set)
    alerts: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    refuses_alerts: bool = False
    on_send: Callable[[Notification], None] = lambda _notification: None
    on_refusal: Callable[[], None] = lambda: None

    def send(self, notification: Notification, way: Way) -> str:
        if {notification.contact_id, way.channel} & self.refuses:
            raise NotSentError("busy")
        if way.channel in self.refuses_for_good:
            self.on_refusal()
            raise NotSentError("gone", is_permanent=True)
        self.on_send(notification)
        self.sent.append(notification)
        self.used.append(way.channel)
        return f"message-{len(self.sent)}"

    def publish(self, topic: str, alert: Mapping[str, Any]) -> None:
        if self.refuses_alerts:
            raise NotSentError("busy")
        self.alerts.append((topic, alert))


@dataclass
class FakeExecutions:
    """`ended` are names of executions that run no more."""

    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def start(self, incident: Incident, *, now_ms: int) -> int:
        is_over = incident.is_complete(now_ms)
        names = execution_names(incident)
        number, name = next((at, each) for at, each in names if each not in self.ended or is_over)
        self.started.setdefault(name, beginning_of(incident, number=number, now_ms=now_ms))
        return number

    def running(self, incident: Incident) -> int | None:
        number, name = next((at, each) for at, each in execution_names(incident) if each not in self.ended)
        return number if name in self.started else None

    def succeed(self, incident: Incident, *, after: int, given: Mapping[str, Any]) -> int:
        names = ((number, execution_name(incident.incident_id, number)) for number in count(after + 1))
        number, name = next((at, each) for at, each in names if each not in self.ended)
        self.started.setdefault(name, {**given, "number": number})
        return number


@dataclass
class FakeCommands:
    """`sent` by token, so that the same press sends one; `refusal` is why none is sent."""

    sent: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    refusal: str | None = None

    def send(self, device_id: str, command: str, *, token: str, requested_by: str) -> str:
        if self.refusal:
            raise CommandRefusedError(self.refusal)
        self.sent[token] = device_id, command, requested_by
        return f"execution-of-{token}"


@dataclass
class FakeDirectory:
    """Devices, policies, contacts and detectors, as other parts keep them."""

    devices: dict[str, Device] = field(default_factory=dict)
    policies: dict[str, EscalationPolicy] = field(default_factory=dict)
    rotas: dict[str, Rota] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    states: dict[tuple[str, str], str] = field(default_factory=dict)

    def find(self, name: str) -> Any:
        return self.devices.get(name) or self.policies.get(name) or self.rotas.get(name)

    def knows(self, contact_id: str) -> bool:
        return contact_id in self.names

    def find_recipient(self, contact_id: str, channels: Sequence[str] = ()) -> Recipient | None:
        if contact := self.contacts.get(contact_id):
            return recipient_of(contact, channels)
        return Recipient(contact_id, self.names[contact_id]) if contact_id in self.names else None

    def state_of(self, detector_model: str, key: str) -> str | None:
        return self.states.get((detector_model, key))


@dataclass
class FakeReadings:
    readings: list[Mapping[str, Any]] = field(default_factory=list)

    def between(self, device_id: str, from_ms: int, to_ms: int, *, at_most: int) -> Sequence[Mapping[str, Any]]:
        found = [
            each for each in self.readings if each["device_id"] == device_id and from_ms <= each["timestamp"] <= to_ms
        ]
        return sorted(found, key=lambda each: each["timestamp"])[-at_most:]


@dataclass
class FakeObjects:
    kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self, key: str, content: bytes) -> None:
        self.kept[key] = content


@dataclass
class World:
    """Everything that outlives a process."""

    incidents: FakeIncidents = field(default_factory=FakeIncidents)
    links: FakeLinks = field(default_factory=FakeLinks)
    codes: FakeCodes = field(default_factory=FakeCodes)
    code_key: bytes | None = None
    channel: FakeChannel = field(default_factory=FakeChannel)
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    readings: FakeReadings = field(default_factory=FakeReadings)
    objects: FakeObjects = field(default_factory=FakeObjects)
    commands: FakeCommands = field(default_factory=FakeCommands)
    forms: dict[str, IncidentForm] = field(default_factory=dict)
    made: int = 0
    """How many secrets were made."""
    standing: str = ""
    """What a wait was measured for."""
    silenced_until: int = 0
    """Until when nobody is to be told, whatever the plan says."""

    def __post_init__(self) -> None:
        self.waiting = FakeWaiting(self.incidents)

    def opening(self, course: Course | None = None) -> opening.Ports:
        watch = (course or Course()).watch
        return opening.Ports(
            incidents=watch(self.incidents),
            devices=watch(self.directory),
            policies=watch(self.directory),
            detectors=watch(self.directory),
            executions=watch(self.executions),
            waiting=watch(self.waiting),
            forms=self.forms,
        )

    def telling(self, course: Course | None = None) -> telling.Ports:
        watch = (course or Course()).watch
        return telling.Ports(
            incidents=watch(self.incidents),
            links=watch(self.links),
            recipients=watch(self.directory),
            rotas=watch(self.directory),
            notifier=watch(self.channel),
            alerts=watch(self.channel),
            waiting=watch(self.waiting),
            random_bytes=self.random_bytes,
            page_base_url="https://page.example/",
            silenced_s=self.silenced_s,
            codes=Codes(watch(self.codes), lambda: self.code_key),
        )

    def silenced_s(self, _incident: Incident, now_ms: int) -> int | None:
        return seconds_until(self.silenced_until, now_ms) if now_ms < self.silenced_until else None

    def evidence(self, course: Course | None = None) -> evidence.Ports:
        watch = (course or Course()).watch
        return evidence.Ports(watch(self.incidents), watch(self.readings), watch(self.objects))

    def enrichment(self, course: Course | None = None) -> enrichment.Ports:
        watch = (course or Course()).watch
        return enrichment.Ports(watch(self.incidents), watch(self.directory), watch(self.readings))

    def recording(self, course: Course | None = None) -> recording.Ports:
        watch = (course or Course()).watch
        return recording.Ports(watch(self.incidents), watch(self.objects), watch(self.channel))

    def random_bytes(self, count: int) -> bytes:
        """Never the same twice; random enough for a test."""
        self.made += 1
        return self.made.to_bytes(count)

    def told(self) -> Counter[str]:
        """How often each page was sent."""
        return Counter(each.page_id for each in self.channel.sent)
