"""The whole course of a command in whatever order things happen, with processes killed and overtaken in the middle."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.commands.delivery import Attempt, Delivery, deliver
from coldwatch.commands.execution import CommandExecution, EntryType
from coldwatch.commands.response import RejectedResponse, ResponseMessage
from coldwatch.commands.sending import send
from coldwatch.commands.settlement import ContendedError, UnknownExecutionError, record_response, time_out
from coldwatch.commands.status import Status
from simulator.answering import Memory, hear
from simulator.scenario import How
from tests.unit.commands.fakes import (
    DEVICE,
    NOW,
    FakeAddresses,
    FakeStore,
    FakeTopic,
    FakeWorkflow,
    Fate,
    Killed,
    order,
)

SETTLING = {EntryType.ANSWERED, EntryType.TIMED_OUT}


@dataclass
class World:
    """One command, its workflow, its device, and what is under way between them."""

    now: int = NOW
    fate: Fate = field(default_factory=Fate)
    memory: Memory = field(default_factory=Memory)
    acted_at: list[int] = field(default_factory=list)
    responses: list[bytes] = field(default_factory=list)
    attempt: int = 1
    begun_at: int = NOW
    tokens: int = 0
    is_waiting: bool = False
    outcome: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.store = FakeStore(self.fate)
        self.topic = FakeTopic(self.fate)
        self.workflow = FakeWorkflow(self.fate)
        self.order = order()
        self.send()

    @property
    def execution(self) -> CommandExecution:
        (execution,) = self.store.executions.values()
        return execution

    def send(self) -> None:
        sent = send(self.order, addresses=FakeAddresses(), store=self.store, workflow=self.workflow, now_ms=self.now)
        assert isinstance(sent, CommandExecution)

    def advance_workflow(self) -> None:
        """What Step Functions does next. A killed function is invoked again with another token."""
        if self.outcome is not None or self.is_completed():
            return
        if self.is_waiting:
            self.let_the_attempt_end()
        elif self.attempt <= self.order.attempts:
            self.begin_attempt()
        else:
            given_up = time_out(self.execution.execution_id, store=self.store, now_ms=self.now)
            self.outcome = given_up.outcome()

    def is_completed(self) -> bool:
        if self.outcome is None and self.workflow.outcomes:
            self.outcome = dict(self.workflow.outcomes[0])
        return self.outcome is not None

    def begin_attempt(self) -> None:
        self.tokens += 1
        token = self.workflow.waiting = f"token-{self.tokens}"
        attempt = Attempt(self.execution.execution_id, self.attempt, self.begun_at, token)
        deliver(attempt, store=self.store, topic=self.topic, workflow=self.workflow, now_ms=self.now)
        self.is_waiting = True

    def let_the_attempt_end(self) -> None:
        self.now = max(self.now, self.begun_at + self.order.timeout_s * 1000)
        self.workflow.waiting, self.is_waiting = None, False
        self.attempt, self.begun_at = self.attempt + 1, self.now

    def hear(self, which: int, how: How) -> None:
        if not self.topic.published:
            return
        thing, payload, _ = self.topic.published[which % len(self.topic.published)]
        heard = hear(self.memory, payload, thing=thing, how=how, now_ms=self.now)
        self.memory = heard.memory
        self.responses += [answer.payload for answer in heard.answers]
        self.acted_at += [self.now] if heard.act else []

    def respond(self, which: int) -> None:
        if self.responses:
            payload = self.responses[which % len(self.responses)]
            recorded = record_response(
                ResponseMessage(DEVICE, payload, self.now), store=self.store, workflow=self.workflow
            )
            assert not isinstance(recorded, RejectedResponse)

    def wait(self, seconds: int) -> None:
        """Time passes, but no attempt outlasts its own."""
        self.now += seconds * 1000
        if self.is_waiting and self.now >= self.begun_at + self.order.timeout_s * 1000 and not self.is_completed():
            self.let_the_attempt_end()


type Step = Callable[[World], None]

plain: st.SearchStrategy[Step] = st.one_of(
    st.just(World.advance_workflow),
    st.just(World.send),
    st.builds(lambda which, how: lambda world: world.hear(which, how), st.integers(0, 3), st.sampled_from(How)),
    st.builds(lambda which: lambda world: world.respond(which), st.integers(0, 7)),
    st.builds(lambda seconds: lambda world: world.wait(seconds), st.sampled_from([0, 1, 29, 30, 61])),
)


def killed(step: Step, at: int) -> Step:
    """The step, killed before its call number `at`."""

    def strike() -> None:
        raise Killed

    def run(world: World) -> None:
        world.fate.calls_left, world.fate.act = at, strike
        try:
            step(world)
        except Killed:
            pass
        finally:
            world.fate.act = None

    return run


def overtaken(step: Step, at: int, other: Step) -> Step:
    """The step; before its call number `at` another process carries out `other`, whole."""

    def run(world: World) -> None:
        world.fate.calls_left, world.fate.act = at, lambda: other(world)
        step(world)
        world.fate.act = None

    return run


answers = st.builds(lambda which: lambda world: world.respond(which), st.integers(0, 7))
steps = (
    plain
    | st.builds(killed, plain, st.integers(1, 5))
    | st.builds(overtaken, st.just(World.advance_workflow) | answers, st.integers(1, 5), answers)
)


def play(world: World, told: list[Step]) -> None:
    """The steps; then the workflow to its end; then whatever is still under way arrives."""
    for step in told:
        step(world)
    while world.outcome is None:
        world.advance_workflow()
    for number in range(len(world.responses)):
        world.respond(number)


@settings(max_examples=400, deadline=None)
@given(st.lists(steps, max_size=14))
def test_whatever_happens_a_command_ends_once_and_is_carried_out_once(told: list[Step]) -> None:
    world = World()

    play(world, told)

    (statuses,) = world.store.statuses.values()
    final = [status for status in statuses if Status(status).is_final]
    assert len(set(final)) == 1
    assert statuses[-len(final) :] == final
    assert sum(entry.type in SETTLING for entry in world.execution.history) == 1
    assert world.outcome == {"execution_id": world.execution.execution_id, "status": final[0]}
    assert world.workflow.started == [world.execution.execution_id]
    assert len(world.acted_at) == len(world.memory.acts) <= 1


@settings(max_examples=400, deadline=None)
@given(st.lists(steps, max_size=14))
def test_the_record_tells_what_the_device_did(told: list[Step]) -> None:
    world = World()

    play(world, told)

    match world.execution.status:
        case Status.SUCCEEDED:
            assert len(world.acted_at) == 1
        case Status.FAILED | Status.REJECTED:
            assert world.acted_at == []
        case Status.TIMED_OUT:
            late = world.execution.late_response
            settled_at = world.execution.settled_at
            assert settled_at is not None
            assert all(at < settled_at for at in world.acted_at)
            assert bool(world.acted_at) == (late is not None and late.status is Status.SUCCEEDED)


def test_an_undisturbed_command_takes_one_attempt() -> None:
    world = World()

    world.advance_workflow()
    world.hear(0, How.NORMAL)
    world.respond(0)
    world.advance_workflow()

    assert world.outcome == {"execution_id": world.execution.execution_id, "status": "SUCCEEDED"}
    assert [entry.type for entry in world.execution.history] == ["created", "dispatched", "answered"]
    assert len(world.topic.published) == 1


def test_a_response_between_two_attempts_is_found_by_the_second() -> None:
    world = World()
    world.advance_workflow()
    world.hear(0, How.NORMAL)
    world.advance_workflow()
    assert world.workflow.waiting is None

    world.respond(0)
    world.advance_workflow()

    assert world.is_completed()
    assert len(world.topic.published) == 1


def respond(world: World) -> None:
    world.respond(0)


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("again", [World.begin_attempt, World.advance_workflow], ids=["same attempt", "next attempt"])
def test_a_response_in_the_middle_of_an_attempt_wakes_the_workflow(again: Step, call: int) -> None:
    world = World()
    world.advance_workflow()
    world.hear(0, How.NORMAL)
    if again is World.advance_workflow:
        world.advance_workflow()

    overtaken(again, call, respond)(world)
    respond(world)

    assert world.workflow.outcomes == [{"execution_id": world.execution.execution_id, "status": "SUCCEEDED"}]
    assert len(world.execution.history) <= 4


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_response_that_was_recorded_but_woke_nobody_is_found_at_once_by_the_same_attempt(call: int) -> None:
    world = World()
    world.advance_workflow()
    world.hear(0, How.NORMAL)

    overtaken(World.begin_attempt, call, killed(respond, 3))(world)

    assert world.execution.status is Status.SUCCEEDED
    assert world.workflow.outcomes or call == 3


def test_nobody_acts_on_time_for_a_command_that_was_given_up() -> None:
    world = World()
    while world.outcome is None:
        world.advance_workflow()

    world.hear(0, How.NORMAL)
    world.hear(1, How.NORMAL)
    world.respond(0)

    late = world.execution.late_response
    assert world.execution.status is Status.TIMED_OUT
    assert world.acted_at == []
    assert late is not None
    assert (late.status, late.status_reason and late.status_reason.reason_code) == (Status.REJECTED, "EXPIRED")


def test_a_request_that_was_held_up_is_good_while_a_later_attempt_waits() -> None:
    world = World()
    for _ in range(3):
        world.advance_workflow()

    world.hear(0, How.NORMAL)
    world.respond(0)

    assert world.attempt == 2
    assert world.execution.status is Status.SUCCEEDED


def test_a_response_that_is_quicker_than_giving_up_is_respected() -> None:
    world = World()
    world.advance_workflow()
    world.hear(0, How.NORMAL)
    for _ in range(3):
        world.advance_workflow()

    overtaken(World.advance_workflow, 2, lambda it: it.respond(0))(world)

    assert world.outcome == {"execution_id": world.execution.execution_id, "status": "SUCCEEDED"}
    assert world.execution.late_response is None


def test_an_attempt_that_was_overtaken_tells_nobody_and_leaves_the_later_token() -> None:
    world = World()
    for _ in range(3):
        world.advance_workflow()
    execution_id, token = world.execution.execution_id, world.workflow.waiting
    stale = Attempt(execution_id, 1, NOW, "stale")

    delivery, _ = deliver(
        stale, store=world.store, topic=world.topic, workflow=world.workflow, now_ms=world.now + 31_000
    )

    assert delivery is Delivery.OVERTAKEN
    assert len(world.topic.published) == 2
    assert world.store.token(execution_id) == token


def test_an_execution_that_was_never_written_down_is_an_error() -> None:
    with pytest.raises(UnknownExecutionError, match="no command execution x"):
        time_out("x", store=FakeStore(), now_ms=NOW)


def test_a_change_that_others_undercut_forever_is_left_to_the_next_delivery() -> None:
    class Contended(FakeStore):
        def replace(self, before: CommandExecution, after: CommandExecution) -> bool:
            self.executions[before.execution_id] = replace(before, revision=before.revision + 1)
            return super().replace(before, after)

    world = World()
    contended = Contended(executions=world.store.executions)

    with pytest.raises(ContendedError, match="8 times"):
        time_out(world.execution.execution_id, store=contended, now_ms=NOW)
