"""Effects are carried out once each, and those of a detector in their order, whatever fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from coldwatch.detection.effect import Effect, decode_effect, encode_effect
from coldwatch.detection.errors import EffectError, TargetFailedError
from run_effects.carrying import TRIES, Carried, Ports, QueuedEffect, carry_out_all, queued_effect
from tests.unit.detection.builders import NOW, effect


@dataclass
class FakeMarkers:
    done: set[str] = field(default_factory=set)

    def is_done(self, effect_id: str) -> bool:
        return effect_id in self.done

    def mark(self, effect_id: str, *, now_ms: int) -> None:
        assert now_ms == NOW
        self.done.add(effect_id)


@dataclass
class FakeTargets:
    failing: set[str] = field(default_factory=set)
    impossible: set[str] = field(default_factory=set)
    carried: list[str] = field(default_factory=list)

    def carry_out(self, effect: Effect) -> None:
        if effect.effect_id in self.failing:
            raise TargetFailedError("nobody takes it now")
        if effect.effect_id in self.impossible:
            raise EffectError("nobody will ever take it")
        self.carried.append(effect.effect_id)


@dataclass
class FakeParked:
    reasons: dict[str, str] = field(default_factory=dict)
    is_full: bool = False

    def park(self, message: QueuedEffect, reason: str) -> None:
        if self.is_full:
            raise TargetFailedError("the queue takes nothing")
        self.reasons[message.message_id] = reason


def queued(effects: Sequence[Effect], *, times_received: int = 1) -> list[QueuedEffect]:
    return [
        QueuedEffect(each.effect_id, each.detector_id, encode_effect(each), times_received=times_received)
        for each in effects
    ]


def carried(
    messages: Sequence[QueuedEffect],
    targets: FakeTargets,
    markers: FakeMarkers | None = None,
    parked: FakeParked | None = None,
    *,
    has_time: Callable[[], bool] = lambda: True,
) -> Carried:
    ports = Ports(markers or FakeMarkers(), targets, parked or FakeParked())
    return carry_out_all(messages, ports, now_ms=NOW, has_time=has_time)


EFFECTS = [effect(key=key, index=index) for index in range(3) for key in ("a", "b")]
IDS = {(each.key, n // 2): each.effect_id for n, each in enumerate(EFFECTS)}


def test_behind_a_failure_the_rest_of_its_detector_waits_and_no_other() -> None:
    targets = FakeTargets({IDS["a", 1]})

    outcome = carried(queued(EFFECTS), targets)

    assert targets.carried == [IDS["a", 0], IDS["b", 0], IDS["b", 1], IDS["b", 2]]
    assert outcome.unfinished_ids == [IDS["a", 1], IDS["a", 2]]
    assert outcome.kept_back == {IDS["a", 2]: 5}, "it comes again with the one that it waits for"


def test_once_the_failure_is_mended_the_rest_follows_in_order() -> None:
    markers, targets = FakeMarkers(), FakeTargets({IDS["a", 1]})
    carried(queued(EFFECTS), targets, markers)
    targets.failing.clear()

    again = carried(queued(EFFECTS), targets, markers)

    assert targets.carried[-2:] == [IDS["a", 1], IDS["a", 2]]
    assert len(targets.carried) == len(EFFECTS)
    assert (len(again.known), again.unfinished_ids) == (4, [])


def test_what_can_never_be_carried_out_is_parked_at_once_and_holds_nothing_back() -> None:
    targets, parked = FakeTargets(impossible={IDS["a", 0]}), FakeParked()

    outcome = carried(queued(EFFECTS), targets, parked=parked)

    assert parked.reasons == outcome.parked == {IDS["a", 0]: "EffectError: nobody will ever take it"}
    assert targets.carried == [each.effect_id for each in EFFECTS[1:]]
    assert outcome.unfinished_ids == []


@pytest.mark.parametrize(("times_received", "is_parked"), [(TRIES - 1, False), (TRIES, True)])
def test_what_fails_for_the_last_time_is_parked_and_those_behind_it_are_tried(
    times_received: int, *, is_parked: bool
) -> None:
    targets, parked = FakeTargets({IDS["a", 0]}), FakeParked()

    outcome = carried(queued(EFFECTS, times_received=times_received), targets, parked=parked)

    assert list(parked.reasons) == ([IDS["a", 0]] if is_parked else [])
    assert (IDS["a", 1] in targets.carried) is is_parked
    assert bool(outcome.failures) is not is_parked


def test_what_cannot_even_be_parked_is_tried_again() -> None:
    outcome = carried(queued(EFFECTS), FakeTargets(impossible={IDS["a", 0]}), parked=FakeParked(is_full=True))

    assert outcome.unfinished_ids == [IDS["a", 0], IDS["a", 1], IDS["a", 2]]


def test_what_is_not_begun_in_time_comes_again_at_once_in_its_order() -> None:
    left = iter([True, True, True])
    targets = FakeTargets({IDS["b", 0]})

    outcome = carried(queued(EFFECTS), targets, has_time=lambda: next(left, False))

    assert targets.carried == [IDS["a", 0], IDS["a", 1]]
    assert outcome.kept_back == {IDS["b", 1]: 5, IDS["a", 2]: 0, IDS["b", 2]: 5}


def test_tries_span_an_hour() -> None:
    (message,) = queued(EFFECTS[:1])

    delays = [replace(message, times_received=number).again_after_s for number in range(1, TRIES)]

    assert delays[:6] == [5, 15, 45, 135, 405, 405]
    assert 3_600 <= sum(delays) <= 4_500
    assert replace(message, times_received=10_000).again_after_s == 405


def test_an_effect_is_marked_only_when_it_is_done() -> None:
    markers = FakeMarkers()

    carried(queued(EFFECTS[:1]), FakeTargets({IDS["a", 0]}), markers)
    assert markers.done == set()

    carried(queued(EFFECTS[:1]), FakeTargets(), markers)
    assert markers.done == {IDS["a", 0]}


def test_what_is_no_effect_is_parked_alone() -> None:
    bad = [QueuedEffect(f"m-{n}", f"g-{n}", body) for n, body in enumerate(["", "[]", "{}", '"\\ud800"', "[" * 3000])]
    targets = FakeTargets()

    outcome = carried([*bad, *queued(EFFECTS)], targets)

    assert list(outcome.parked) == [each.message_id for each in bad]
    assert (outcome.unfinished_ids, len(targets.carried)) == ([], len(EFFECTS))


def test_a_message_without_a_group_stands_for_itself() -> None:
    record = {"messageId": "m-1", "body": "", "attributes": {"MessageGroupId": "g"}}

    assert queued_effect(record).group == "g"
    assert queued_effect({"messageId": "m-1", "body": ""}).group == "m-1"


def test_characters_that_no_queue_takes_are_written_otherwise() -> None:
    odd = effect()
    odd = msgspec.structs.replace(odd, event_name="a\ufffe b\uffff c")

    body = encode_effect(odd)

    assert not set("\ufffe\uffff") & set(body)
    assert decode_effect(body) == odd
