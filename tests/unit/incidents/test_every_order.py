"""In every order in which they can meet: an incident that is not over is looked after and told in time, one that is
over or in hand is told to nobody, and one has it at most. `exploring` says what an order is; `pytest -rP` shows counts.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from coldwatch.incidents.incident import Incident, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from tests.unit.incidents.counting import COMMAND, counts_of, documented, kept, table
from tests.unit.incidents.exploring import Explorer, Member, Tape, ViolationError
from tests.unit.incidents.fakes import FakeIncidents, World
from tests.unit.incidents.orders import (
    ACKNOWLEDGE,
    FUNCTIONS,
    SNOOZE,
    before_the_first_page,
    meeting,
    notify,
    operator,
    responder,
    told_ana,
    told_ben_and_cem,
)
from tests.unit.incidents.races import BEN_ACKNOWLEDGES, CEM_ACKNOWLEDGES, LONG_RACES, RACES


@pytest.mark.parametrize("race", [*RACES, *(pytest.param(name, marks=pytest.mark.long) for name in LONG_RACES)])
def test_no_order_leaves_an_open_incident_alone_or_a_closed_one_paging(race: str) -> None:
    found = Explorer().explore((RACES | LONG_RACES)[race]())

    sys.stdout.write(f"{race}: {found.orders:,} orders, {found.states:,} states, {found.rests:,} of them at rest\n")
    assert counts_of(found) == kept()[race], f"if that is meant, count anew: {COMMAND}"


def test_the_document_tells_the_orders_of_every_race_as_they_are_counted() -> None:
    assert kept().keys() == (RACES | LONG_RACES).keys(), f"count anew: {COMMAND}"
    assert documented() == table(kept()), f"count anew: {COMMAND}"


@dataclass
class Unconditional(FakeIncidents):
    """Writes whatever was decided, though somebody was quicker."""

    def apply(self, change: Change) -> bool:
        now = self.incidents[change.after.incident_id]
        return super().apply(replace(change, before=replace(change.before, revision=now.revision)))

    def _add(self, incident_id: str, event: TimelineEvent) -> None:
        """Two events of one revision have one name, and the later one replaces the other."""
        self.events[incident_id][event.at, event.event_id] = event


class WithoutSecondLook:
    """A store that is not read again once the token is kept: the next answer is what was known before."""

    def __init__(self, store: FakeIncidents) -> None:
        self._store = store
        self._known: Incident | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def keep_token(self, incident: Incident, token: str) -> None:
        self._store.keep_token(incident, token)
        self._known = incident

    def find(self, incident_id: str) -> Incident | None:
        known, self._known = self._known, None
        return known or self._store.find(incident_id)


def test_a_write_without_its_condition_is_found() -> None:
    model = meeting(told_ben_and_cem(), BEN_ACKNOWLEDGES, CEM_ACKNOWLEDGES, timeouts=0)
    waiting = model.here.waiting
    model.here = replace(model.here, incidents=Unconditional(**vars(model.here.incidents)))
    model.here.waiting = replace(waiting, incidents=model.here.incidents)

    with pytest.raises(ViolationError, match=r"took what|only grows"):
        Explorer().explore(model)


def test_a_token_after_which_nobody_looks_again_is_found() -> None:
    def blind(here: World, tape: Tape, asked: Mapping[str, Any], now_ms: int) -> None:
        notify(here, tape, asked, now_ms, store=WithoutSecondLook(tape.watch(here.incidents)))

    model = replace(before_the_first_page(), functions={**FUNCTIONS, "NotifyTier": blind})

    with pytest.raises(ViolationError, match="waits for what has not happened yet"):
        Explorer().explore(meeting(model, operator(ACKNOWLEDGE), timeouts=0))


def test_a_press_that_wakes_nobody_is_found() -> None:
    mute = Member("ana snoozes", lambda here, tape, now: ANA_SNOOZES.do(Deaf.to(here), tape, now), ANA_SNOOZES.can)

    with pytest.raises(ViolationError, match="waits for what has not happened yet"):
        Explorer().explore(meeting(told_ana(), mute, timeouts=0))


def test_a_workflow_that_nobody_starts_again_is_found() -> None:
    model = replace(told_ana(), is_checked_hourly=False)

    with pytest.raises(ViolationError, match="told to somebody in time"):
        Explorer().explore(meeting(model, stops=1, timeouts=0))


ANA_SNOOZES = responder("ana", SNOOZE)


class Deaf:
    """A world in which no token is found."""

    @staticmethod
    def to(here: World) -> World:
        class Tokenless:
            def __getattr__(self, name: str) -> Any:
                return getattr(here.incidents, name)

            def token(self, _incident_id: str) -> None:
                return None

        deaf: Any = Tokenless()
        found = replace(here, incidents=deaf)
        found.waiting = here.waiting
        return found
