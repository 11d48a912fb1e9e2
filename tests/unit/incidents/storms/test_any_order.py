"""Opens, deliveries again, recoveries, answers and deaths in any order: one storm of a place at a time, no child lost,
nobody who is wrong left without somebody who will be told.
"""

from collections.abc import Callable

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coldwatch.incidents.answering import Action, Asked, act_as_operator
from coldwatch.incidents.effects import IncidentEffect
from coldwatch.incidents.incident import STORM, Incident, Status
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.policy import AutoResolve
from coldwatch.incidents.recovery import recover_incident
from coldwatch.incidents.storms.family import topmost
from coldwatch.incidents.storms.rules import Budget, StormRules
from tests.unit.incidents.builders import NOW
from tests.unit.incidents.fakes import Course, Killed
from tests.unit.incidents.storms.builders import SECOND, device, storm_world, wrong
from tests.unit.incidents.storms.workflow import Clockwork

courses = st.one_of(st.just(Course()), st.builds(Course, st.integers(1, 60), st.booleans()))
DEVICES = 9


class OnePlace(RuleBasedStateMachine):
    """Nine devices behind two gateways at one site, each with incidents one after another."""

    @initialize(rule_=st.sampled_from(AutoResolve), started_s=st.sampled_from([0, 3]))
    def begin(self, rule_: AutoResolve, started_s: int) -> None:
        self.here = storm_world(auto_resolve=rule_)
        self.clock = Clockwork(self.here, NOW, started_ms=started_s * SECOND)
        self.names = [device(self.here, n, gateway=f"acme-gw-{n % 2}") for n in range(DEVICES)]
        self.given: list[tuple[IncidentEffect, int]] = []

    def _until_done(self, course: Course, do: Callable[[Course], object]) -> None:
        """As an effect is delivered: again, until nobody dies of it."""
        try:
            do(course)
        except Killed:
            do(Course())
        self.clock.pick_up()

    def _open(self, effect: IncidentEffect, course: Course) -> None:
        self._until_done(course, lambda each: open_incident(effect, self.here.opening(each), now_ms=self.clock.now))

    @rule(number=st.integers(0, DEVICES - 1), course=courses, passes=st.integers(0, 20))
    def goes_wrong(self, number: int, course: Course, passes: int) -> None:
        self.clock.run_until(self.clock.now + passes * SECOND)
        effect = wrong(self.names[number], at=self.clock.now)
        self.given.append((effect, self.clock.now))
        self._open(effect, course)

    @precondition(lambda self: self.given)
    @rule(which=st.integers(0, 1000), course=courses)
    def is_delivered_again(self, which: int, course: Course) -> None:
        self._open(self.given[which % len(self.given)][0], course)

    @rule(number=st.integers(0, DEVICES - 1), course=courses, passes=st.integers(0, 20))
    def recovers(self, number: int, course: Course, passes: int) -> None:
        self.clock.run_until(self.clock.now + passes * SECOND)
        said = wrong(self.names[number], at=self.clock.now)

        def recover(each: Course) -> None:
            incidents, waiting = each.watch(self.here.incidents), each.watch(self.here.waiting)
            recovery = recover_incident(said, incidents, waiting, now_ms=self.clock.now)
            if recovery.incident:
                self.here.leave(recovery.incident, self.clock.now, each)

        self._until_done(course, recover)

    @rule(which=st.integers(0, 1000), action=st.sampled_from([Action.ACKNOWLEDGE, Action.RESOLVE]))
    def somebody_acts(self, which: int, action: Action) -> None:
        unresolved = self._unresolved()
        if not unresolved:
            return
        act_as_operator(
            unresolved[which % len(unresolved)].incident_id,
            Asked(action),
            who="op",
            incidents=self.here.incidents,
            waiting=self.here.waiting,
            now_ms=self.clock.now,
        )
        self.clock.pick_up()

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.clock.run_until(self.clock.now + minutes * 60 * SECOND)

    def _all(self) -> list[Incident]:
        return list(self.here.incidents.incidents.values())

    def _unresolved(self) -> list[Incident]:
        return [each for each in self._all() if each.status is not Status.RESOLVED]

    @invariant()
    def a_place_has_one_storm_at_a_time(self) -> None:
        if hasattr(self, "here"):
            keys = [each.key for each in self._unresolved() if each.kind == STORM]
            assert len(keys) == len(set(keys))

    @invariant()
    def every_child_is_listed_with_its_parent_and_every_open_one_is_waited_for(self) -> None:
        if not hasattr(self, "here"):
            return
        for child in self._all():
            parent = self.here.incidents.find(child.parent_id) if child.parent_id else None
            if parent is None:
                continue
            assert child.incident_id in self.here.families.children(parent.incident_id)
            if Status.RESOLVED not in {child.status, parent.status}:
                assert child.incident_id in self.here.families.open_children(parent.incident_id)

    @invariant()
    def a_storm_that_is_open_waits_for_somebody_who_is_not_over(self) -> None:
        if not hasattr(self, "here"):
            return
        for storm in self._unresolved():
            if storm.kind != STORM:
                continue
            waits_for = self.here.families.open_children(storm.incident_id)
            assert waits_for, "a storm of nobody is over"
            assert all(each in self.here.incidents.incidents for each in waits_for)

    @invariant()
    def whoever_is_not_over_has_a_workflow_that_waits(self) -> None:
        if not hasattr(self, "here"):
            return
        assert self.clock.unattended() == []
        for each in self._unresolved():
            assert each.incident_id in self.clock.workflows or each.incident_id in self.clock.starting

    def teardown(self) -> None:
        """Left alone for two hours, whoever is told of is told again: nothing that is wrong is held back by nothing."""
        if not hasattr(self, "here"):
            return
        self.here.rules = _without_limits(self.here.rules)
        before = len(self.here.channel.sent)
        self.clock.run_until(self.clock.now + 7200 * SECOND)
        told = {each.page_id[:26] for each in self.here.channel.sent[before:]}
        for each in self._unresolved():
            assert topmost(each, self.here.incidents).incident_id in told, each
        for each in self._all():
            if each.kind == STORM and each.status is Status.OPEN:
                open_children = self.here.families.open_children(each.incident_id)
                assert any(self.here.incidents.incidents[c].status is not Status.RESOLVED for c in open_children)


def _without_limits(rules: StormRules) -> StormRules:
    return msgspec.structs.replace(rules, budget=Budget(messages=100, window_s=60, reserved=0))


TestOnePlace = OnePlace.TestCase
TestOnePlace.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
