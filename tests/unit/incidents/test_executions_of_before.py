"""An update finds incidents whose executions run the machine of before, which knows no snooze, silence or hold-down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from coldwatch.incidents.answering import Action, Asked
from coldwatch.incidents.incident import Incident, Status
from tests.unit.incidents.builders import MINUTE, NOW, is_, opened, operated, pressed, secret_of, world
from tests.unit.incidents.fakes import Course, World
from tests.unit.incidents.machine import ROOT, Execution
from tests.unit.incidents.workflow import FUNCTIONS, WITHOUT_EVIDENCE, Workflow

BEFORE = json.loads((ROOT / "tests/fixtures/machines/incident_of_before.asl.json").read_text())
MOST_CALLS = 50


@dataclass
class OldExecution:
    """ana has 1 min, then ben and cem 2, twice; then those two every 10 min. `calls` are those of the notifier."""

    here: World = field(default_factory=world)
    calls: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = NOW

    def start(self, **plan: Any) -> Incident:
        if plan:
            self.here = world(**plan)
        made = opened(self.here)
        functions = {**WITHOUT_EVIDENCE, "NotifyTier": self._notify}
        self.workflow = Workflow(self.here, Execution(made.incident_id, BEFORE), functions)
        self.workflow.enter(NOW)
        return made

    def _notify(self, here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> Any:
        self.calls.append((asked["round"], asked["step"]))
        assert len(self.calls) < MOST_CALLS, f"it goes round and round: {self.calls[-3:]}"
        return FUNCTIONS["NotifyTier"](here, course, asked, now_ms)

    def presses(self, action: Action, **asked: Any) -> None:
        pressed(self.here, secret_of(self.here, "ana"), Asked(action, **asked), now_ms=self.now)
        self.workflow.go_on(self.now)

    def run_until(self, at: int) -> None:
        while self.workflow.until is not None and self.workflow.until <= at:
            self.now = self.workflow.until
            self.workflow.time_out()
        self.now = at

    def told(self) -> list[str]:
        return [each.contact_id for each in self.here.channel.sent]


@pytest.fixture
def old() -> OldExecution:
    return OldExecution()


def test_a_snooze_is_left_to_the_waits_that_it_knows_and_its_tier_is_told_once_it_is_over(old: OldExecution) -> None:
    incident = old.start()

    old.presses(Action.SNOOZE, snooze_s=600)
    assert len(old.calls) == 2
    old.run_until(NOW + 9 * MINUTE)
    assert (old.told(), is_(old.here, incident).status) == (["ana"], Status.SNOOZED)
    old.run_until(NOW + 20 * MINUTE)

    assert old.told()[:3] == ["ana", "ben", "cem"]
    assert is_(old.here, incident).status is Status.OPEN


def test_who_had_snoozed_it_and_resolves_it_ends_the_execution_at_once(old: OldExecution) -> None:
    old.start()
    old.presses(Action.SNOOZE, snooze_s=600)
    old.run_until(NOW + 3 * MINUTE)

    old.presses(Action.RESOLVE)

    assert old.workflow.execution.status == "SUCCEEDED"


def test_what_somebody_has_and_snoozes_is_not_told_before_its_time(old: OldExecution) -> None:
    old.start()
    old.presses(Action.ACKNOWLEDGE)

    old.presses(Action.SNOOZE, snooze_s=600)
    old.run_until(NOW + 9 * MINUTE)

    assert old.told() == ["ana"]


def test_a_silence_is_left_to_the_waits_that_it_knows_and_the_first_tier_is_told_first(old: OldExecution) -> None:
    old.here.silenced_until = NOW + 5 * MINUTE
    old.start()
    assert old.calls == [(1, 1)]

    old.run_until(NOW + 4 * MINUTE)
    assert old.told() == []
    old.run_until(NOW + 10 * MINUTE)

    assert old.told()[0] == "ana"


def test_what_is_held_down_is_told_to_the_first_tier_after_that() -> None:
    old = OldExecution()
    old.start(hold_down_s=240)

    old.run_until(NOW + 8 * MINUTE)

    assert old.told()[0] == "ana"
    assert len(old.calls) < 6


def test_what_is_resolved_while_it_is_silenced_ends_the_execution_at_once(old: OldExecution) -> None:
    old.here.silenced_until = NOW + 60 * MINUTE
    incident = old.start()

    operated(old.here, incident, Action.RESOLVE, now_ms=NOW)
    old.workflow.go_on(NOW)

    assert old.workflow.execution.status == "SUCCEEDED"


def test_without_any_of_that_it_tells_as_it_always_did(old: OldExecution) -> None:
    old.start()

    old.run_until(NOW + 7 * MINUTE)

    assert old.told() == ["ana", "ben", "cem", "ana", "ben", "cem", "ben", "cem"]
