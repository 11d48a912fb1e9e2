"""Environments that remember, and lose what they remember, and take turns; timers and operators that write in between:
detectors and effects are those of a run in which nobody remembers anything and nothing fails.
"""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.commit import SETTLE_MS
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.evaluation import evaluate_batch
from evaluate_detectors.intake import Knowledge
from fire_timers.firing import fire, sweep
from tests.unit.detection.builders import FILES, NOW, SILENCE, WATCHES, entry, records_of
from tests.unit.detection.fakes import Environment, Stepper, World
from tests.unit.detection.test_kill_safety import KNOWLEDGE, SHARDS, Said, bare_world, calm_run, records, said
from tests.unit.telemetry.builders import FRIDGE, RULES, SHARD

SILENCE_MS = FILES.catalog.in_force(entry(FRIDGE).watched).profile.members()["silence_s"] * 1000
steps = st.none() | st.integers(1, 40)
faults = st.builds(Stepper, steps, st.frozensets(st.integers(1, 40), max_size=1), steps)


def evaluate(environment: Environment, batch: Sequence[StreamRecord], world: World, fault: Stepper | None) -> bool:
    return environment.has_done(
        lambda: evaluate_batch(batch, environment.evaluation, KNOWLEDGE, now_ms=world.now_ms), fault
    )


def tick(environment: Environment, world: World, fault: Stepper | None = None) -> None:
    """A sweep, and every wake whose delay is over; those of one that fails come again."""
    environment.has_done(lambda: sweep(environment.firing, now_ms=world.now_ms), fault)
    due = [each for each in world.wakes if each[0] <= world.now_ms]
    wakes = [wake for _, wake in due]
    if wakes and environment.has_done(lambda: fire(wakes, environment.firing, now_ms=world.now_ms), fault):
        world.wakes = [each for each in world.wakes if each not in due]


def come_to_rest(environment: Environment, world: World) -> None:
    world.now_ms += 6 * 3_600_000
    for _ in range(30):
        world.now_ms += 60_000
        tick(environment, world)
        if not world.wakes and all(item.due_ms is None for item in world.items.values()):
            return
    raise AssertionError("timers never come to rest")


class Storm:
    """Two environments that take turns as somebody chooses; what is chosen may go wrong anywhere."""

    def __init__(self, streams: dict[str, list[StreamRecord]], choices: st.DataObject) -> None:
        self.world = bare_world(streams)
        self.choices = choices
        self.environments = [Environment(self.world), Environment(self.world)]
        self.done = dict.fromkeys(SHARDS, 0)

    def rage(self) -> World:
        for _ in range(self.choices.draw(st.integers(0, 14), "turns")):
            self.world.now_ms += self.choices.draw(st.sampled_from([0, 1000, 70_000, 800_000]), "time passes")
            self._turn()
        for shard in SHARDS:
            self.world.now_ms = max([self.world.now_ms, *(each.arrived_at for each in self.world.streams[shard])])
            while self.done[shard] < len(self.world.streams[shard]):
                self._deliver(shard, None)
        come_to_rest(self._anybody(), self.world)
        return self.world

    def _anybody(self) -> Environment:
        number = self.choices.draw(st.integers(0, 2), "environment")
        if number == 2:
            self.environments[0] = Environment(self.world)
        return self.environments[number % 2]

    def _turn(self) -> None:
        fault = self.choices.draw(faults, "fault")
        if self.choices.draw(st.integers(0, 2), "what") == 0:
            tick(self._anybody(), self.world, fault)
            return
        fault.interrupt_at = self.choices.draw(steps, "timers in the middle")
        fault.interrupt = lambda: tick(Environment(self.world), self.world)
        self._deliver(self.choices.draw(st.sampled_from(SHARDS), "shard"), fault)

    def _deliver(self, shard: str, fault: Stepper | None) -> None:
        there = [each for each in self.world.streams[shard] if each.arrived_at <= self.world.now_ms]
        start = self.done[shard]
        if start >= len(there):
            return
        until = self.choices.draw(st.integers(start + 1, len(there)), "until")
        if evaluate(self._anybody(), there[start:until], self.world, fault):
            self.done[shard] = until


@settings(max_examples=200, deadline=None)
@given(messages=st.lists(said, min_size=1, max_size=14), repeated=st.sets(st.integers(0, 13)), choices=st.data())
def test_whoever_remembers_what_the_outcome_is_that_of_nobody_remembering_anything(
    messages: list[Said], repeated: set[int], choices: st.DataObject
) -> None:
    streams = records(messages, sorted(repeated))
    expected = calm_run(streams).final()

    assert Storm(streams, choices).rage().final() == expected


gaps_s = st.sampled_from([1, 30, 60, 300, SILENCE_MS // 1000 - 1, SILENCE_MS // 1000 + 1, 2 * SILENCE_MS // 1000])


@settings(max_examples=200, deadline=None)
@given(gaps=st.lists(gaps_s, min_size=1, max_size=12), choices=st.data())
def test_silence_is_told_of_each_gap_that_is_long_enough_and_of_no_other(
    gaps: list[int], choices: st.DataObject
) -> None:
    """Sweeps come at any time, and batches late; a wake that was sent before a sign of life comes after it."""
    times = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    world = World(entries={FRIDGE: entry(FRIDGE)}, streams={SHARD: records_of([(at, {}) for at in times])}, now_ms=NOW)
    environments, done = [Environment(world), Environment(world)], 0
    knowledge = Knowledge(RULES, {"telemetry": [WATCHES[SILENCE]]}, FILES.catalog)
    stream = world.streams[SHARD]
    while done < len(stream):
        world.now_ms = max(world.now_ms, stream[done].arrived_at) + choices.draw(st.sampled_from([0, 900, 61_000]))
        for _ in range(choices.draw(st.integers(0, 2), "sweeps before it is evaluated")):
            tick(environments[1], world)
        there = [each for each in stream[done:] if each.arrived_at <= world.now_ms]
        number = choices.draw(st.integers(0, 1), "environment")
        ports = environments[number].evaluation
        evaluate_batch(there, ports, knowledge, now_ms=world.now_ms)
        done += len(there)
        tick(environments[0], world)
    come_to_rest(environments[0], world)

    # A timer that is due when a message arrives fires before it.
    long = [at for at, later in pairwise([*times, 10**9]) if (later - at) * 1000 >= SILENCE_MS]
    silent = [NOW + at * 1000 + SILENCE_MS for at in long]
    told = {each.effect_id: each for each in world.sent if each.event_name == "Silent"}
    assert sorted(each.occurred_at for each in told.values()) == silent
    assert SETTLE_MS < SILENCE_MS
