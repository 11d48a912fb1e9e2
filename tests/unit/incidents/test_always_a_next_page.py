"""In whatever order people, detectors and time do what they do: an incident that is not over is never left without
somebody who will be told, and nobody is told of one that is in hand or over.
"""

from collections.abc import Callable
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coldwatch.incidents.answering import Action, act, act_as_operator
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.policy import AutoResolve
from coldwatch.incidents.ports import Notification
from coldwatch.incidents.recovery import recover_incident
from tests.unit.incidents.builders import NOW, effect, secret_in, world
from tests.unit.incidents.fakes import Course, Killed
from tests.unit.incidents.workflow import Workflow

courses = st.builds(Course, st.integers(0, 12), st.booleans())
"""Whoever does it dies before or after one of their calls, or, most often, not at all."""


class OneDetector(RuleBasedStateMachine):
    """One detector's incidents, one after another, each with its workflow."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.effects = 1
        self.given = [effect()]
        self.workflow: Workflow | None = None

    @initialize(rule_=st.sampled_from(AutoResolve), reachable=st.sets(st.sampled_from(["ana", "ben", "cem"])))
    def begin(self, rule_: AutoResolve, reachable: set[str]) -> None:
        self.here = world(auto_resolve=rule_)
        self.here.directory.names = {each: each for each in reachable}
        self.here.channel.on_send = self._is_asked_of_somebody_who_can_help

    def _is_asked_of_somebody_who_can_help(self, notification: Notification) -> None:
        incident = self._incident(notification.page_id[:26])
        assert incident.status is Status.OPEN
        assert notification.page_id == f"{incident.incident_id}-{incident.round}-{notification.contact_id}"

    def _incident(self, incident_id: str) -> Incident:
        return self.here.incidents.incidents[incident_id]

    @property
    def current(self) -> Incident | None:
        return self._incident(self.workflow.incident_id) if self.workflow else None

    def _until_done(self, course: Course, do: Callable[[Course], object]) -> None:
        """As an effect is delivered: again, until nobody dies of it."""
        try:
            do(course)
        except Killed:
            do(Course())

    def _pick_up(self) -> None:
        """Start the workflow of an incident that is new; let the running one take what it was told."""
        for incident_id in self.here.executions.started:
            if self.workflow is None or (self.workflow.until is None and self.workflow.incident_id != incident_id):
                incident = self._incident(incident_id)
                if incident.recorded_at is None:
                    self.workflow = Workflow.of(self.here, incident)
                    self.workflow.enter(self.now)
        if self.workflow:
            self.workflow.take(self.now)

    @rule(course=courses, passes=st.integers(0, 5_000), is_again=st.booleans())
    def detector_opens(self, course: Course, passes: int, *, is_again: bool) -> None:
        self.now += passes
        if not is_again:
            self.effects += 1
            self.given.append(effect(f"e{self.effects}", occurred_at=self.now))
        self._until_done(course, lambda each: open_incident(self.given[-1], self.here.opening(each), now_ms=self.now))
        self._pick_up()

    @rule(course=courses, passes=st.integers(0, 5_000))
    def detector_recovers(self, course: Course, passes: int) -> None:
        self.now += passes
        self.effects += 1
        made = effect(f"r{self.effects}", occurred_at=self.now)
        self._until_done(
            course,
            lambda each: recover_incident(
                made, each.watch(self.here.incidents), each.watch(self.here.waiting), now_ms=self.now
            ),
        )
        self._pick_up()

    @precondition(lambda self: self.workflow is not None and self.here.channel.sent)
    @rule(which=st.integers(0, 30), action=st.sampled_from(Action), course=courses)
    def responder_presses(self, which: int, action: Action, course: Course) -> None:
        """Any link that was ever sent; whoever dies does not come again."""
        sent = self.here.channel.sent
        with suppress(Killed):
            act(
                secret_in(sent[which % len(sent)].text),
                action,
                note=None,
                incidents=course.watch(self.here.incidents),
                links=self.here.links,
                roster=self.here.directory,
                waiting=course.watch(self.here.waiting),
                now_ms=self.now,
            )
        self._pick_up()

    @precondition(lambda self: self.workflow is not None)
    @rule(action=st.sampled_from(Action))
    def operator_acts(self, action: Action) -> None:
        assert self.workflow
        act_as_operator(
            self.workflow.incident_id,
            action,
            who="op",
            note=None,
            incidents=self.here.incidents,
            waiting=self.here.waiting,
            now_ms=self.now,
        )
        self._pick_up()

    @precondition(lambda self: self.workflow is not None and self.workflow.until is not None)
    @rule()
    def time_is_over(self) -> None:
        assert self.workflow
        assert self.workflow.until is not None
        self.now = max(self.now, self.workflow.until)
        self.workflow.until = self.now
        self.workflow.time_out()
        self._pick_up()

    @rule(who=st.sampled_from(["ana", "ben", "cem"]))
    def a_contact_comes_or_goes(self, who: str) -> None:
        names = self.here.directory.names
        names.pop(who) if who in names else names.setdefault(who, who)

    @invariant()
    def whoever_is_not_done_waits_for_something(self) -> None:
        if self.workflow is None or self.current is None:
            return
        if self.current.status is Status.RESOLVED:
            return
        assert self.workflow.until is not None
        assert self.workflow.until > self.now - 1
        assert self.workflow.token in self.here.waiting.open_tokens
        assert self.here.incidents.tokens[self.workflow.incident_id][0] == self.workflow.token

    @invariant()
    def an_open_incident_is_in_its_round_and_somebody_was_told_or_could_not_be(self) -> None:
        incident = self.current
        if incident is None or incident.status is not Status.OPEN:
            return
        pages = [page for page in self.here.incidents.pages(incident.incident_id) if page.round == incident.round]
        assert pages, "each round leaves a trace"

    @invariant()
    def the_lock_is_held_by_the_one_that_is_open(self) -> None:
        if not hasattr(self, "here"):
            return
        unfinished = [each for each in self.here.incidents.incidents.values() if each.status is not Status.RESOLVED]
        assert set(self.here.incidents.locks.values()) == {each.incident_id for each in unfinished}
        assert len(unfinished) <= 1

    @invariant()
    def nobody_is_told_twice_in_a_round(self) -> None:
        if hasattr(self, "here"):
            assert all(count == 1 for count in self.here.told().values())

    def teardown(self) -> None:
        """Left alone, whatever is not over is told again and again; whatever is over comes to rest with its record."""
        if self.workflow is None:
            return
        for _ in range(6):
            if self.workflow.until is not None:
                self.now = max(self.now, self.workflow.until)
                self.workflow.until = self.now
                self.workflow.time_out()
        incident = self._incident(self.workflow.incident_id)
        if incident.status is Status.RESOLVED:
            assert incident.recorded_at is not None
        else:
            assert incident.status is Status.OPEN
            pages = self.here.incidents.pages(incident.incident_id)
            assert pages[-1].round == incident.round >= 4


TestOneDetector = OneDetector.TestCase
TestOneDetector.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
