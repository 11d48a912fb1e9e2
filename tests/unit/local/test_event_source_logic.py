"""The reading of one shard, in virtual time."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloud import event_source_logic as logic
from local.cloud.event_source_logic import (
    Batch,
    Discard,
    Failed,
    FailedFrom,
    Invoke,
    Outcome,
    Policy,
    Record,
    Shard,
    Succeeded,
    Throttled,
    Wait,
)

START = 1_000_000.0
EVEN = 0.5
"""The jitter that leaves a pause as it is."""


def record(number: int, *, arrived_at: float = START, size: int = 100) -> Record:
    return Record(f"{number:030d}", arrived_at, size, {"eventID": f"shard:{number}"})


def records(count: int, *, first: int = 1, **options: Any) -> tuple[Record, ...]:
    return tuple(record(number, **options) for number in range(first, first + count))


def offered(*read: Record, now: float = START) -> Shard:
    return logic.offer(logic.start_after(""), read, read[-1].sequence, now)


def invoked(shard: Shard, policy: Policy, now: float = START) -> Invoke:
    step = logic.decide(shard, policy, now)
    assert isinstance(step, Invoke)
    return step


def settled(shard: Shard, policy: Policy, *outcomes: Outcome) -> tuple[Shard, list[Discard], list[list[int]]]:
    """Drive the shard through these outcomes, waiting as told: what is left, what was given up, what was sent."""
    now, discards, sent = START, [], []
    for outcome in outcomes:
        step = logic.decide(shard, policy, now)
        if isinstance(step, Wait):
            assert step.until is not None
            now = step.until
            step = logic.decide(step.shard, policy, now)
        assert isinstance(step, Invoke)
        sent.append([int(each.sequence) for each in step.batch.records])
        shard, discard = logic.settle(step.shard, policy, outcome, now, EVEN)
        discards += [discard] if discard else []
    return shard, discards, sent


def test_without_a_window_whatever_was_read_goes_at_once() -> None:
    policy = Policy(batch_size=10)

    step = invoked(offered(*records(3)), policy)

    assert step.batch.records == records(3)


def test_a_batch_that_is_not_full_waits_for_its_window() -> None:
    policy = Policy(batch_size=10, window_s=5)
    shard = logic.offer(offered(*records(2)), records(1, first=3), record(3).sequence, START + 4)

    waiting = logic.decide(shard, policy, START + 4.9)
    going = logic.decide(shard, policy, START + 5)

    assert waiting == Wait(shard, START + 5)
    assert isinstance(going, Invoke)
    assert going.batch.records == records(3)


def test_a_full_batch_does_not_wait() -> None:
    policy = Policy(batch_size=3, window_s=300)

    step = invoked(offered(*records(4)), policy)

    assert step.batch.records == records(3)
    assert step.shard.pending == (record(4),)


def test_six_megabytes_are_a_full_batch() -> None:
    policy = Policy(batch_size=100, window_s=300)
    big = records(7, size=1_400_000)

    step = invoked(offered(*big), policy)

    assert step.batch.records == big[:4]


def test_a_record_larger_than_the_limit_goes_alone() -> None:
    policy = Policy(batch_size=100, window_s=300)

    step = invoked(offered(record(1, size=7_000_000), record(2)), policy)

    assert step.batch.records == (record(1, size=7_000_000),)


def test_nothing_is_read_ahead_of_an_unsettled_batch() -> None:
    policy = Policy(batch_size=3)
    fresh = logic.start_after("")

    step = invoked(offered(*records(2)), policy)

    assert logic.room(fresh, policy) == 3
    assert logic.room(offered(*records(2)), policy) == 1
    assert logic.room(step.shard, policy) == 0


def test_success_moves_the_checkpoint_past_the_batch() -> None:
    shard, discards, _ = settled(offered(*records(3)), Policy(), Succeeded())

    assert shard.checkpoint == record(3).sequence
    assert not discards


def test_records_that_the_filter_dropped_are_done_once_those_before_them_are() -> None:
    shard = logic.offer(logic.start_after(""), records(2), record(9).sequence, START)

    before = invoked(shard, Policy()).shard.checkpoint
    after, *_ = settled(shard, Policy(), Succeeded())

    assert before == ""
    assert after.checkpoint == record(9).sequence


def test_a_read_that_the_filter_dropped_whole_is_done() -> None:
    shard = logic.offer(logic.start_after(""), (), record(9).sequence, START)

    assert shard.checkpoint == record(9).sequence
    assert logic.decide(shard, Policy(), START) == Wait(shard, None)


def test_a_failed_batch_comes_again_whole_after_a_pause() -> None:
    policy = Policy(retry_base_s=0.2)
    step = invoked(offered(*records(3)), policy)

    shard, discard = logic.settle(step.shard, policy, Failed(), START, EVEN)

    assert discard is None
    assert shard.checkpoint == ""
    assert logic.decide(shard, policy, START) == Wait(shard, START + 0.2)
    assert invoked(shard, policy, START + 0.2).batch.records == records(3)


def test_pauses_double_up_to_a_limit_and_jitter_moves_them_by_a_quarter() -> None:
    policy = Policy(retry_base_s=0.2)
    pauses, shard, now = [], offered(record(1)), START
    for _ in range(7):
        shard, _discard = logic.settle(invoked(shard, policy, now).shard, policy, Failed(), now, EVEN)
        pauses.append(round(shard.not_before - now, 3))
        now = shard.not_before

    shortest, _ = logic.settle(invoked(shard, policy, now).shard, policy, Failed(), now, 0.0)
    longest, _ = logic.settle(invoked(shard, policy, now).shard, policy, Failed(), now, 1.0)

    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert (round(shortest.not_before - now, 3), round(longest.not_before - now, 3)) == (3.75, 6.25)


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_after_its_retries_a_batch_is_given_up_and_the_checkpoint_passes_it(retries: int) -> None:
    policy = Policy(max_retries=retries)

    shard, [discard], sent = settled(offered(*records(2)), policy, *[Failed()] * (retries + 1))

    assert sent == [[1, 2]] * (retries + 1)
    assert discard.condition == "RetryAttemptsExhausted"
    assert discard.batch.invocations == retries + 1
    assert discard.shard.checkpoint == shard.checkpoint == record(2).sequence


def test_with_infinite_retries_a_batch_is_never_given_up() -> None:
    _, discards, sent = settled(offered(record(1)), Policy(max_retries=-1), *[Failed()] * 50)

    assert not discards
    assert len(sent) == 50


def test_throttles_use_up_no_retry() -> None:
    policy = Policy(max_retries=1)

    shard, discards, sent = settled(offered(record(1)), policy, *[Throttled()] * 8, Failed(), Throttled(), Succeeded())

    assert not discards
    assert len(sent) == 11
    assert shard.checkpoint == record(1).sequence


def test_throttles_do_not_bisect() -> None:
    _, _, sent = settled(offered(*records(4)), Policy(bisect=True), Throttled(), Succeeded())

    assert sent == [[1, 2, 3, 4], [1, 2, 3, 4]]


def test_a_partial_failure_keeps_what_succeeded_and_retries_from_the_reported_record() -> None:
    shard, discards, sent = settled(offered(*records(4)), Policy(), FailedFrom(2), FailedFrom(1))

    assert sent == [[1, 2, 3, 4], [3, 4]]
    assert not discards
    assert shard.checkpoint == record(3).sequence


def test_partial_failures_use_up_the_retries_of_their_batch() -> None:
    policy = Policy(max_retries=1)

    _, [discard], sent = settled(offered(*records(4)), policy, FailedFrom(1), FailedFrom(1))

    assert sent == [[1, 2, 3, 4], [2, 3, 4]]
    assert [int(each.sequence) for each in discard.batch.records] == [3, 4]


def test_a_bisected_batch_is_halved_in_order_and_costs_no_retry() -> None:
    policy = Policy(bisect=True, max_retries=0)

    shard, [discard], sent = settled(
        offered(*records(4)), policy, Failed(), Succeeded(), Failed(), Failed(), Succeeded()
    )

    assert sent == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert [int(each.sequence) for each in discard.batch.records] == [3]
    assert shard.checkpoint == record(4).sequence


def test_with_both_a_partial_failure_is_a_cut_that_costs_no_retry() -> None:
    policy = Policy(bisect=True, max_retries=0)

    _, discards, sent = settled(offered(*records(4)), policy, FailedFrom(1), FailedFrom(1), FailedFrom(1), Succeeded())

    assert sent == [[1, 2, 3, 4], [2, 3, 4], [3, 4], [4]]
    assert not discards


def test_with_both_a_batch_whose_first_record_fails_is_halved() -> None:
    _, _, sent = settled(offered(*records(4)), Policy(bisect=True, max_retries=0), FailedFrom(0), Succeeded())

    assert sent == [[1, 2, 3, 4], [1, 2]]


def test_records_past_their_age_are_given_up_without_an_invocation() -> None:
    policy = Policy(max_age_s=60)
    old, young = records(2, arrived_at=START - 61), records(1, first=3)

    step = logic.decide(offered(*old, *young), policy, START)

    assert isinstance(step, Discard)
    assert (step.condition, step.batch.records, step.batch.invocations) == ("MaximumRecordAgeExceeded", old, 0)
    assert step.shard.checkpoint == record(2).sequence
    assert invoked(step.shard, policy).batch.records == young


def test_a_batch_that_grows_too_old_between_retries_is_given_up() -> None:
    policy = Policy(max_age_s=60)
    step = invoked(offered(*records(2)), policy, START + 59.9)
    shard, _ = logic.settle(step.shard, policy, Failed(), START + 59.9, EVEN)

    gone = logic.decide(shard, policy, shard.not_before)

    assert isinstance(gone, Discard)
    assert gone.batch.invocations == 1
    assert logic.decide(gone.shard, policy, shard.not_before) == Wait(gone.shard, None)


@pytest.mark.parametrize("answer", [None, "", {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}])
def test_an_answer_without_failures_is_success(answer: Any) -> None:
    assert logic.judge(answer, Batch(records(3))) == Succeeded()


@pytest.mark.parametrize(
    "answer",
    [
        "done",
        [],
        7,
        {"batchItemFailures": "1"},
        {"batchItemFailures": {}},
        {"batchItemFailures": [None]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": 2}]},
        {"batchItemFailures": [{"itemIdentifier": ["2"]}]},
        {"batchItemFailures": [{"itemidentifier": record(2).sequence}]},
        {"batchItemFailures": [{"itemIdentifier": record(4).sequence}]},
        {"batchItemFailures": [{"itemIdentifier": record(2).sequence}, {"itemIdentifier": ""}]},
    ],
    ids=repr,
)
def test_an_answer_in_any_other_form_is_a_failure(answer: Any) -> None:
    assert logic.judge(answer, Batch(records(3))) == Failed()


def test_the_lowest_reported_sequence_number_is_the_checkpoint() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": record(number).sequence} for number in (3, 2, 3)]}

    assert logic.judge(answer, Batch(records(3))) == FailedFrom(1)


def test_a_failure_record_names_the_batch_as_aws_does() -> None:
    batch = Batch((record(1), record(2, arrived_at=START + 1.25)), retries=1, invocations=2)
    discard = Discard(logic.start_after(""), batch, "RetryAttemptsExhausted")
    mapping = {"FunctionArn": "arn:f", "EventSourceArn": "arn:s"}

    written = logic.failure_record(
        discard, mapping=mapping, version="7", shard_id="shard", request_id="r", errored=True, now=START
    )

    assert written == {
        "requestContext": {
            "requestId": "r",
            "functionArn": "arn:f",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "1970-01-12T13:46:40.000Z",
        "KinesisBatchInfo": {
            "shardId": "shard",
            "startSequenceNumber": record(1).sequence,
            "endSequenceNumber": record(2).sequence,
            "approximateArrivalOfFirstRecord": "1970-01-12T13:46:40.000Z",
            "approximateArrivalOfLastRecord": "1970-01-12T13:46:41.250Z",
            "batchSize": 2,
            "streamArn": "arn:s",
        },
    }


def test_records_never_sent_to_the_function_have_no_response() -> None:
    discard = Discard(logic.start_after(""), Batch((record(1),)), "MaximumRecordAgeExceeded")
    mapping = {"FunctionArn": "arn:f", "EventSourceArn": "arn:s"}

    written = logic.failure_record(
        discard, mapping=mapping, version="7", shard_id="shard", request_id="r", errored=False, now=START
    )

    assert "responseContext" not in written
    assert written["requestContext"]["approximateInvokeCount"] == 0


# --- whatever happens --------------------------------------------------------------------------------------


@dataclass(slots=True)
class World:
    """A stream of `count` records, one a second, a reader of it, and what became of each record."""

    policy: Policy
    count: int
    shard: Shard = field(default_factory=lambda: logic.start_after(""))
    now: float = START
    delivered: list[int] = field(default_factory=list)
    succeeded: list[int] = field(default_factory=list)
    discarded: list[int] = field(default_factory=list)

    def stored(self) -> Iterator[Record]:
        for number in range(1, self.count + 1):
            if START + number <= self.now:
                yield record(number, arrived_at=START + number)

    def step(self, outcome: Outcome) -> None:
        room = logic.room(self.shard, self.policy)
        found = tuple(each for each in self.stored() if each.sequence > self.shard.read_to)[:room]
        if found:
            passing = tuple(each for each in found if int(each.sequence) % 5)
            self.shard = logic.offer(self.shard, passing, found[-1].sequence, self.now)
        match logic.decide(self.shard, self.policy, self.now):
            case Wait(shard, until):
                self.shard, self.now = shard, max(self.now + 1, until or 0)
            case Discard() as discard:
                self.give_up(discard)
                self.shard = discard.shard
            case Invoke(shard, batch):
                self.invoke(shard, batch, outcome)

    def invoke(self, shard: Shard, batch: Batch, outcome: Outcome) -> None:
        numbers = [int(each.sequence) for each in batch.records]
        if isinstance(outcome, FailedFrom):
            outcome = FailedFrom(outcome.index % len(numbers))
        done = {Succeeded: len(numbers), FailedFrom: getattr(outcome, "index", 0)}.get(type(outcome), 0)
        self.delivered += numbers
        self.succeeded += numbers[:done]
        self.shard, discard = logic.settle(shard, self.policy, outcome, self.now, EVEN)
        if discard:
            self.give_up(discard)

    def give_up(self, discard: Discard) -> None:
        self.discarded += [int(each.sequence) for each in discard.batch.records]

    def restart(self) -> None:
        """Only the checkpoint survives."""
        self.shard = logic.start_after(self.shard.checkpoint)


OUTCOMES = st.one_of(
    st.just(Succeeded()), st.just(Failed()), st.just(Throttled()), st.builds(FailedFrom, st.integers(0, 20))
)
POLICIES = st.builds(
    Policy,
    batch_size=st.integers(1, 8),
    window_s=st.integers(0, 4).map(float),
    bisect=st.booleans(),
    max_retries=st.sampled_from([-1, 0, 1, 3]),
    max_age_s=st.sampled_from([-1.0, 10.0, 60.0]),
)


@given(policy=POLICIES, count=st.integers(1, 24), outcomes=st.lists(OUTCOMES, max_size=60))
def test_every_record_is_done_exactly_once_or_given_up_exactly_once_and_in_order(
    policy: Policy, count: int, outcomes: list[Outcome]
) -> None:
    world = World(policy, count)

    for outcome in outcomes:
        world.step(outcome)
    while world.now < START + count or world.shard.checkpoint < record(count).sequence:
        world.step(Succeeded())

    passing = [number for number in range(1, count + 1) if number % 5]
    assert sorted(world.succeeded + world.discarded) == passing
    assert world.succeeded == sorted(world.succeeded)
    assert world.discarded == sorted(world.discarded)


@given(
    policy=POLICIES,
    count=st.integers(1, 24),
    steps=st.lists(st.tuples(OUTCOMES, st.booleans()), max_size=60),
)
def test_a_restart_at_any_point_may_repeat_records_and_skips_none(
    policy: Policy, count: int, steps: list[tuple[Outcome, bool]]
) -> None:
    world = World(policy, count)

    for outcome, restarts in steps:
        world.step(outcome)
        if restarts:
            world.restart()
    while world.now < START + count or world.shard.checkpoint < record(count).sequence:
        world.step(Succeeded())

    passing = {number for number in range(1, count + 1) if number % 5}
    assert set(world.succeeded) | set(world.discarded) == passing


@given(policy=POLICIES, outcomes=st.lists(OUTCOMES, max_size=60))
def test_a_record_is_sent_only_when_all_before_it_are_done(policy: Policy, outcomes: list[Outcome]) -> None:
    world = World(replace(policy, max_age_s=-1), 24, now=START + 24)

    for outcome in outcomes:
        done, sent = set(world.succeeded + world.discarded), len(world.delivered)
        world.step(outcome)
        batch = world.delivered[sent:]
        if batch:
            assert {number for number in range(1, batch[0]) if number % 5} <= done
            assert done.isdisjoint(batch)
