"""Whatever comes, in whatever order: an alarm is what a dozen lines written after the documents say it is."""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coldwatch.engine.evaluation import Evaluation
from coldwatch.engine.snapshot import Snapshot, next_due
from tests.unit.engine.alarms import Alarm, alarm_document

VALUES = st.one_of(st.integers(0, 16), st.floats(0, 16), st.sampled_from(["9", None, True]))


class AnyAlarm(RuleBasedStateMachine):
    """The expectation is kept beside the alarm: its state, its threshold, when its snooze ends."""

    @initialize(is_disabled=st.booleans(), has_flow=st.booleans(), has_input=st.booleans())
    def begin(self, *, is_disabled: bool, has_flow: bool, has_input: bool) -> None:
        threshold = "$input.settings.limit" if has_input else "8"
        self.alarm = Alarm(alarm_document(is_disabled=is_disabled, has_flow=has_flow, threshold=threshold))
        self.has_flow = has_flow
        self.limit: Any = None if has_input else 8
        self.has_input = has_input
        self.state = "DISABLED" if is_disabled else "NORMAL"
        self.snoozed_until: int | None = None
        self.ids: list[str] = []
        self.receive_other()

    @rule(value=VALUES)
    def receive(self, value: Any) -> None:
        before = self.state
        evaluation = self.alarm.receive({"celsius": value})
        if self.state not in {"DISABLED", "SNOOZE_DISABLED"} and self.limit is not None and is_number(value):
            is_hot = value > self.limit
            match self.state:
                case "NORMAL" | "LATCHED" if is_hot:
                    self.state = "ACTIVE"
                case "ACTIVE" if not is_hot:
                    self.state = "LATCHED" if self.has_flow else "NORMAL"
                case "ACKNOWLEDGED" if not is_hot:
                    self.state = "NORMAL"
        self.settle(evaluation, before)

    @rule()
    def receive_other(self) -> None:
        self.settle(self.alarm.receive({"door": "open"}), self.state)

    @precondition(lambda self: self.has_input)
    @rule(limit=st.integers(0, 16))
    def receive_limit(self, limit: int) -> None:
        self.limit = limit
        self.settle(self.alarm.receive({"limit": limit}, of="settings"), self.state)

    @rule(name=st.sampled_from(["ACKNOWLEDGE", "ENABLE", "DISABLE", "RESET"]), note=st.sampled_from([None, "note"]))
    def respond(self, name: str, note: str | None) -> None:
        before = self.state
        evaluation = self.alarm.respond(name, note=note)
        if name == "ACKNOWLEDGE":
            to = {"ACTIVE": "ACKNOWLEDGED", "LATCHED": "NORMAL"} if self.has_flow else {}
            self.state = to.get(before, before)
        else:
            self.state = "DISABLED" if name == "DISABLE" else "NORMAL"
            self.snoozed_until = None
        self.settle(evaluation, before)

    @rule(seconds=st.integers(1, 100))
    def snooze(self, seconds: int) -> None:
        before = self.state
        evaluation = self.alarm.respond("SNOOZE", snooze_s=seconds)
        self.state, self.snoozed_until = "SNOOZE_DISABLED", self.alarm.now_ms + seconds * 1000
        self.settle(evaluation, before)

    @precondition(lambda self: self.snoozed_until is not None)
    @rule()
    def wake(self) -> None:
        before = self.state
        evaluation = self.alarm.expire()
        assert evaluation.time_ms == self.snoozed_until
        self.state, self.snoozed_until = "NORMAL", None
        self.settle(evaluation, before)

    def settle(self, evaluation: Evaluation, before: str) -> None:
        """Each thing comes at a time of its own, and is told of exactly when the state is another one."""
        assert (evaluation.from_state, evaluation.to_state) == (before, self.state)
        assert [each.event_name for each in evaluation.actions] == [self.state] * (before != self.state)
        self.ids += [each.action_execution_id for each in evaluation.actions]
        self.alarm.now_ms += 1

    @invariant()
    def it_is_in_the_expected_state_and_can_be_stored(self) -> None:
        snapshot = self.alarm.snapshot
        assert snapshot is not None
        assert snapshot.state == self.state
        due = next_due(snapshot)
        assert (None if due is None else due[0]) == self.snoozed_until
        assert Snapshot.from_document(json.loads(json.dumps(snapshot.to_document()))) == snapshot

    @invariant()
    def no_two_executions_share_an_id(self) -> None:
        assert len(set(self.ids)) == len(self.ids)


def is_number(value: Any) -> bool:
    return type(value) in {int, float}


TestAnyAlarm = AnyAlarm.TestCase
