"""In whatever order people, detectors and time do what they do: an incident that is not over is never left without
somebody who will be told, and nobody is told of one that is in hand or over.
"""

from collections.abc import Callable
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coldwatch.incidents.answering import Action, Asked
from coldwatch.incidents.incident import HELD, Incident, Status
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.policy import AutoResolve
from coldwatch.incidents.ports import Notification
from coldwatch.incidents.reconciling import GRACE_MS, reconcile
from coldwatch.incidents.recovery import recover_incident
from tests.unit.incidents.builders import NOW, effect, operated, pressed, secret_in, world
from tests.unit.incidents.fakes import Course, Killed
from tests.unit.incidents.workflow import Workflow, Workflows

HOUR = 3_600_000

courses = st.builds(Course, st.integers(0, 12), st.booleans())
"""Whoever does it dies before or after one of their calls, or, most often, not at all."""


class OneDetector(RuleBasedStateMachine):
    """One detector's incidents, one after another, each with its workflow."""

    def __init__(self) -> None:
        super().__init__()
        self.effects = 1
        self.given = [effect()]

    @initialize(
        rule_=st.sampled_from(AutoResolve),
        reachable=st.sets(st.sampled_from(["ana", "ben", "cem"])),
        hold_down_s=st.sampled_from([0, 0, 45]),
    )
    def begin(self, rule_: AutoResolve, reachable: set[str], hold_down_s: int) -> None:
        self.here = world(auto_resolve=rule_, hold_down_s=hold_down_s, commands=("start_defrost",), snooze_min_s=1)
        self.here.directory.names = {each: each for each in reachable}
        self.here.channel.on_send = self._is_asked_of_somebody_who_can_help
        self.clock = Workflows(self.here, NOW)

    def _is_asked_of_somebody_who_can_help(self, notification: Notification) -> None:
        incident = self._incident(notification.page_id[:26])
        assert incident.status is Status.OPEN
        assert notification.page_id == f"{incident.incident_id}-{incident.round}-{notification.contact_id}"

    def _incident(self, incident_id: str) -> Incident:
        return self.here.incidents.incidents[incident_id]

    @property
    def now(self) -> int:
        return self.clock.now

    @property
    def workflow(self) -> Workflow | None:
        """Of the incident that was opened last, the execution that runs."""
        incident = self.current
        own = (
            each for each in self.clock.running() if incident and each.execution.name.startswith(incident.incident_id)
        )
        return next(own, None)

    @property
    def current(self) -> Incident | None:
        return next(reversed(self.here.incidents.incidents.values()), None) if hasattr(self, "here") else None

    def _until_done(self, course: Course, do: Callable[[Course], object]) -> None:
        """As an effect is delivered: again, until nobody dies of it."""
        try:
            do(course)
        except Killed:
            do(Course())

    @rule(course=courses, passes=st.integers(0, 5_000), is_again=st.booleans())
    def detector_opens(self, course: Course, passes: int, *, is_again: bool) -> None:
        self.clock.run_until(self.now + passes)
        if not is_again:
            self.effects += 1
            self.given.append(effect(f"e{self.effects}", occurred_at=self.now))
        self._until_done(course, lambda each: open_incident(self.given[-1], self.here.opening(each), now_ms=self.now))
        self.clock.settle()

    @rule(course=courses, passes=st.integers(0, 5_000))
    def detector_recovers(self, course: Course, passes: int) -> None:
        self.clock.run_until(self.now + passes)
        self.effects += 1
        made = effect(f"r{self.effects}", occurred_at=self.now)
        self._until_done(
            course,
            lambda each: recover_incident(
                made, each.watch(self.here.incidents), each.watch(self.here.waiting), now_ms=self.now
            ),
        )
        self.clock.settle()

    @precondition(lambda self: self.current is not None and self.here.channel.sent)
    @rule(which=st.integers(0, 30), action=st.sampled_from(Action), course=courses, snooze_s=st.integers(1, 900))
    def responder_presses(self, which: int, action: Action, course: Course, snooze_s: int) -> None:
        """Any link that was ever sent; whoever dies does not come again."""
        sent = self.here.channel.sent
        asked = Asked(action, snooze_s=snooze_s, command="start_defrost")
        with suppress(Killed):
            pressed(self.here, secret_in(sent[which % len(sent)].text), asked, now_ms=self.now, course=course)
        self.clock.settle()

    @precondition(lambda self: self.current is not None)
    @rule(action=st.sampled_from([each for each in Action if each is not Action.COMMAND]))
    def operator_acts(self, action: Action) -> None:
        assert self.current
        operated(self.here, self.current, action, now_ms=self.now)
        self.clock.settle()

    @precondition(lambda self: self.workflow is not None)
    @rule()
    def time_is_over(self) -> None:
        assert self.workflow
        assert self.workflow.until is not None
        self.clock.run_until(self.workflow.until)

    @precondition(lambda self: self.workflow is not None)
    @rule()
    def the_workflow_is_stopped_and_the_reconciler_comes(self) -> None:
        assert self.workflow
        self.workflow.stop()
        self.clock.run_until(self.now + GRACE_MS)
        done = reconcile(self.here.incidents, self.here.executions, with_unrecorded=True, now_ms=self.now)
        assert not done.faults
        self.clock.settle()

    @rule(who=st.sampled_from(["ana", "ben", "cem"]))
    def a_contact_comes_or_goes(self, who: str) -> None:
        names = self.here.directory.names
        names.pop(who) if who in names else names.setdefault(who, who)

    @invariant()
    def whoever_is_not_done_waits_for_what_has_not_happened_yet(self) -> None:
        if self.current is None or self.current.status is Status.RESOLVED:
            return
        assert self.workflow
        assert self.workflow.until is not None
        assert self.workflow.until > self.now - 1
        assert self.workflow.token in self.here.waiting.open_tokens
        assert self.here.incidents.tokens[self.current.incident_id][0] == self.workflow.token

    @invariant()
    def what_somebody_has_is_looked_at_when_its_time_is_over(self) -> None:
        """A press that died before its wake-up call leaves a wait that is longer, by the step it was pressed in."""
        if self.current and self.current.status in HELD and self.workflow:
            assert self.workflow.until is not None
            longest = max(tier.acknowledge_within_s for tier in self.current.plan.tiers)
            slack = max(longest, self.current.plan.repeat_every_s, self.current.plan.snooze_max_s) * 1000
            assert self.workflow.until <= (self.current.deadline_at or 0) + slack

    @invariant()
    def an_open_incident_is_in_its_round_and_somebody_was_told_or_could_not_be(self) -> None:
        incident = self.current
        if incident is None or incident.status is not Status.OPEN or incident.is_held_down(self.now):
            return
        pages = [page for page in self.here.incidents.pages(incident.incident_id) if page.round == incident.round]
        assert pages or incident.is_escalated or incident.round == 0, "each round leaves a trace"

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
        incident = self.current
        if incident is None:
            return
        self.clock.run_until(self.now + 2 * HOUR)
        incident = self._incident(incident.incident_id)
        if incident.status is Status.RESOLVED:
            assert incident.recorded_at is not None
            assert self.workflow is None
        else:
            assert incident.status is Status.OPEN
            pages = self.here.incidents.pages(incident.incident_id)
            assert pages[-1].round == incident.round >= 4
            assert self.now - pages[-1].at <= incident.plan.repeat_every_s * 1000 + 1000


TestOneDetector = OneDetector.TestCase
TestOneDetector.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
