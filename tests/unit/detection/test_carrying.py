"""Effects are carried out once each, and those of a detector in their order, whatever fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from coldwatch.detection.effect import Effect, encode_effect
from coldwatch.detection.errors import EffectError
from run_effects.carrying import Carried, QueuedEffect, carry_out_all, queued_effect
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
    carried: list[str] = field(default_factory=list)

    def carry_out(self, effect: Effect) -> None:
        if effect.effect_id in self.failing:
            raise EffectError("nobody takes it")
        self.carried.append(effect.effect_id)


def queued(effects: Sequence[Effect]) -> list[QueuedEffect]:
    return [QueuedEffect(each.effect_id, each.detector_id, encode_effect(each)) for each in effects]


def carried(effects: Sequence[Effect], markers: FakeMarkers, targets: FakeTargets) -> Carried:
    return carry_out_all(queued(effects), markers, targets, now_ms=NOW)


EFFECTS = [effect(key=key, index=index) for index in range(3) for key in ("a", "b")]
IDS = {(each.key, n // 2): each.effect_id for n, each in enumerate(EFFECTS)}


def test_behind_a_failure_the_rest_of_its_detector_waits_and_no_other() -> None:
    targets = FakeTargets({IDS["a", 1]})

    outcome = carried(EFFECTS, FakeMarkers(), targets)

    assert targets.carried == [IDS["a", 0], IDS["b", 0], IDS["b", 1], IDS["b", 2]]
    assert outcome.failed_ids == [IDS["a", 1], IDS["a", 2]]


def test_once_the_failure_is_mended_the_rest_follows_in_order() -> None:
    markers, targets = FakeMarkers(), FakeTargets({IDS["a", 1]})
    carried(EFFECTS, markers, targets)
    targets.failing.clear()

    again = carried(EFFECTS, markers, targets)

    assert targets.carried[-2:] == [IDS["a", 1], IDS["a", 2]]
    assert len(targets.carried) == len(EFFECTS)
    assert (len(again.known), again.failed_ids) == (4, [])


def test_an_effect_is_marked_only_when_it_is_done() -> None:
    markers = FakeMarkers()

    carried(EFFECTS[:1], markers, FakeTargets({IDS["a", 0]}))
    assert markers.done == set()

    carried(EFFECTS[:1], markers, FakeTargets())
    assert markers.done == {IDS["a", 0]}


def test_what_is_no_effect_fails_alone() -> None:
    bad = [QueuedEffect(f"m-{n}", f"g-{n}", body) for n, body in enumerate(["", "[]", "{}", '"\\ud800"', "[" * 3000])]
    targets = FakeTargets()

    outcome = carry_out_all([*bad, *queued(EFFECTS)], FakeMarkers(), targets, now_ms=NOW)

    assert outcome.failed_ids == [each.message_id for each in bad]
    assert len(targets.carried) == len(EFFECTS)


def test_a_message_without_a_group_stands_for_itself() -> None:
    record = {"messageId": "m-1", "body": "", "attributes": {"MessageGroupId": "g"}}

    assert queued_effect(record).group == "g"
    assert queued_effect({"messageId": "m-1", "body": ""}).group == "m-1"
