"""The simulated world: one queue of things to come, a clock, the services, and the environments of the functions.

Nothing runs beside anything else. What stands still (`freeze`) lets the world go on inside of it and goes on itself
when that returns: so a process may be overtaken at every single call by any number of others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from coldwatch.adapters.epochs import change_device, typed
from coldwatch.adapters.items import Scalar, to_item
from coldwatch.detection.effect import Effect, decode_effect
from coldwatch.detection.errors import EffectsUnsentError
from coldwatch.telemetry.envelope import StreamRecord
from fire_timers.firing import AHEAD_MS
from tests.simulation.chance import Chance
from tests.simulation.dynamo import DynamoClient, Store
from tests.simulation.environments import EXPECTED, Carrying, Environment, Evaluating, Firing, Operating
from tests.simulation.event_source import EventSource, Outcome
from tests.simulation.models import by_input
from tests.simulation.queues import FifoQueue, StandardQueue
from tests.simulation.wire import Killed, Wire
from tests.simulation.workload import Phase, Workload

SWEEP_MS: Final = 60_000
DEEPEST: Final = 2
FREEZES_MS: Final = (50, 3_000, 20_000, 100_000, 400_000, 1_500_000)
MOST_ENVIRONMENTS: Final = 3
MOST_TIMERS: Final = 10
MERCILESS: Final = 0.005
LARGEST_SKEW_MS: Final = 400
AGAIN_MS: Final = 1_000
AFTERWARDS_MS: Final = 4 * 3_600_000

type Story = Callable[[int, str, str, str], None]


class UnsettledError(AssertionError):
    """With nothing going wrong for an hour, something is still not done."""


class World:
    def __init__(self, workload: Workload, chance: Chance, story: Story | None = None) -> None:
        self.workload = workload
        self.chance = chance
        self.story = story
        self.plant: Callable[[Environment], None] = lambda _: None
        self.has_lanes = True
        self.quiet = 0
        """Records that lanes took."""
        self.now_ms = workload.phases[0].begins_at
        self.is_merciless = chance.is_stormy and chance.random.random() < MERCILESS
        self.by_input = by_input(workload.watches)
        self.store = Store()
        self.stream = workload.stream
        self.effects, self.timers = FifoQueue(), StandardQueue()
        self.source = EventSource(self)
        self.accepted: dict[str, dict[str, str]] = {}
        self.carried: dict[str, int] = {}
        self.twice: list[str] = []
        self.parked: list[str] = []
        self._marked: dict[str, int] = {}
        self._carry_at: set[int] = set()
        self.store.watchers.append(self._see)
        self._coming: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._depth = 0
        self._pools: dict[type[Environment], list[Environment]] = {Evaluating: [], Firing: [], Carrying: []}
        self._busy: set[int] = set()

    # --- time ---------------------------------------------------------------------------------------------------
    def at(self, when: int, what: Callable[[], None]) -> None:
        heappush(self._coming, (when, next(self._numbers), what))

    def run_until(self, until_ms: int) -> None:
        while self._coming and self._coming[0][0] <= until_ms:
            when, _, what = heappop(self._coming)
            self.now_ms = max(self.now_ms, when)
            what()
        self.now_ms = max(self.now_ms, until_ms)

    def freeze(self, actor: str, where: str) -> None:
        if self._depth >= DEEPEST:
            return
        for_ms = self.chance.random.choice(FREEZES_MS)
        self.tell(actor, "STANDS STILL", f"for {for_ms / 1000:g} s {where}")
        self._depth += 1
        self.run_until(self.now_ms + for_ms)
        self._depth -= 1
        self.tell(actor, "GOES ON", where)

    @contextmanager
    def mercy(self) -> Iterator[None]:
        was, self.chance.is_stormy = self.chance.is_stormy, False
        try:
            yield
        finally:
            self.chance.is_stormy = was

    def tell(self, actor: str, verb: str, about: str) -> None:
        if self.story is not None:
            self.story(self.now_ms, actor, verb, about)

    # --- the run ------------------------------------------------------------------------------------------------
    def live(self) -> None:
        is_stormy = self.chance.is_stormy
        self.source.start()
        self.at(self.now_ms, self._sweep)
        for phase in self.workload.phases:
            self.at(phase.begins_at, partial(self._begin, phase, is_stormy=is_stormy))
            self.at(phase.storm_until, self._calm_down)
            self.at(phase.ends_at - 1, self._expect_rest)
        self.run_until(self.workload.phases[-1].ends_at + AFTERWARDS_MS)
        self._expect_rest()

    def _begin(self, phase: Phase, *, is_stormy: bool) -> None:
        for entry in phase.entries:
            self._register(entry)
        present = self.store.tables["detectors"].keys()
        for when, name in phase.additions:
            if name in present:
                self.at(when, partial(self._add, name))
        self.chance.is_stormy = is_stormy

    def _register(self, entry: Mapping[str, Scalar | None]) -> None:
        """As whoever changes the registry does: with its epoch."""
        wire = Wire(self, "somebody")
        client = DynamoClient(self.store, wire)
        put = {"Put": {"TableName": "devices", "Item": to_item(entry)}}
        with self.mercy():
            change_device(
                lambda actions: client.transact_write_items(TransactItems=actions),
                [put],
                table="devices",
                device_id=str(entry["device_id"]),
                attribute=typed,
                sleep=wire.sleep,
            )

    def _add(self, detector_id: str) -> None:
        """Who is told that it did not work, as what the detector owes could not be sent, does it again."""
        try:
            with self.mercy():
                Operating(Wire(self, "operator")).add(detector_id)
        except EffectsUnsentError:
            self.at(self.now_ms + AGAIN_MS, partial(self._add, detector_id))

    def _calm_down(self) -> None:
        self.chance.is_stormy = False
        self.tell("the storm", "is over", "")

    def _expect_rest(self) -> None:
        if not self.source.is_drained:
            raise UnsettledError("records have not been evaluated")
        if self.effects.messages:
            raise UnsettledError(f"effects have not been carried out: {len(self.effects.messages)}")

    # --- functions ----------------------------------------------------------------------------------------------
    def evaluate(self, records: Sequence[StreamRecord]) -> Outcome:
        environment = self._choose(Evaluating)
        self.tell(environment.wire.actor, "is given", f"{len(records)} of {records[0].shard_id}")
        failed_from: list[str | None] = []
        is_done = self._run(environment, lambda: failed_from.append(environment.evaluate(records)))
        return Outcome(not is_done, failed_from[0] if is_done else None)

    def _sweep(self) -> None:
        self.at(self.now_ms + SWEEP_MS, self._sweep)
        earliest = self.store.earliest_due(self.now_ms)
        if earliest is not None and earliest <= self.now_ms + AHEAD_MS + LARGEST_SKEW_MS:
            environment = self._choose(Firing)
            self.tell(environment.wire.actor, "sweeps", "")
            self._run(environment, environment.sweep)

    def hide_timer(self, body: str, visible_at: int) -> None:
        self.timers.send(body, visible_at)
        self.at(visible_at, self._fire)

    def _fire(self) -> None:
        messages = self.timers.receive(self.chance.between(1, MOST_TIMERS), self.now_ms)
        if not messages:
            return
        environment = self._choose(Firing)
        self.tell(environment.wire.actor, "looks at", ", ".join(each.body for each in messages))
        looked_at: set[str] = set()
        self._run(environment, lambda: looked_at.update(environment.fire([each.body for each in messages])))
        for each in messages:
            if each.body in looked_at:
                self.timers.messages.pop(each.message_id, None)
            else:
                self.at(max(each.visible_at, self.now_ms), self._fire)

    def _carry(self) -> None:
        self._carry_at = {when for when in self._carry_at if when > self.now_ms}
        messages = self.effects.receive(
            self.chance.random.choice((1, 3, 10)) if self.chance.is_stormy else 10, self.now_ms
        )
        if not messages:
            return
        environment = self._choose(Carrying)
        self.tell(environment.wire.actor, "carries", f"{len(messages)} effect(s)")
        hidden_until = messages[0].visible_at
        again: dict[str, int] = {}
        if self._run(environment, lambda: again.update(environment.carry(messages))):
            self.effects.delete([each for each in messages if each.message_id not in again])
            for each in messages:
                if each.message_id in again and each.visible_at == hidden_until:
                    each.visible_at = self.now_ms + 1000 * again[each.message_id]
        for each in self.effects.messages:
            self._carry_then(max(each.visible_at, self.now_ms))

    def _carry_then(self, when: int) -> None:
        if when not in self._carry_at:
            self._carry_at.add(when)
            self.at(when, self._carry)

    def _choose[T: Environment](self, kind: type[T]) -> T:
        """The one that served last; now and then one that has been idle for long, or a new one."""
        pool = self._pools[kind]
        idle = [each for each in pool if id(each) not in self._busy]
        chosen = idle[-1] if idle else None
        if self.chance.strikes("stale_cache"):
            chosen = self.chance.random.choice([*idle[:-1], None] if len(pool) < MOST_ENVIRONMENTS else idle or [None])
        if chosen is None:
            skew = (
                self.chance.random.randint(-LARGEST_SKEW_MS, LARGEST_SKEW_MS)
                if self.chance.strikes("clock_skew")
                else 0
            )
            chosen = kind(Wire(self, f"{kind.__name__.lower()}-{next(self._numbers)}", skew))
            self.plant(chosen)
        else:
            pool.remove(chosen)
        pool.append(chosen)
        assert isinstance(chosen, kind)
        return chosen

    def _run(self, environment: Environment, work: Callable[[], object]) -> bool:
        """Whether it came to its end."""
        self._busy.add(id(environment))
        try:
            work()
        except Killed:
            self._pools[type(environment)].remove(environment)
            return False
        except EXPECTED as error:
            environment.wire.tell("FAILS", f"{type(error).__name__}: {error}")
            return False
        finally:
            self._busy.discard(id(environment))
        return True

    # --- what is seen of it -------------------------------------------------------------------------------------
    def take_effect(self, body: str, *, is_new: bool) -> None:
        effect = decode_effect(body)
        self.accepted.setdefault(effect.detector_id, {}).setdefault(effect.effect_id, body)
        if is_new:
            self._carry_then(self.now_ms)

    def carry_out(self, effect: Effect, begun: int) -> None:
        """`begun` is when whoever does it was given the effect. One that was marked by then is not to be done again."""
        if self._marked.get(effect.effect_id, begun) < begun:
            self.twice.append(effect.effect_id)
        self.carried[effect.effect_id] = self.carried.get(effect.effect_id, 0) + 1

    def moment(self) -> int:
        return next(self._numbers)

    def _see(self, table: str, item: Mapping[str, Any]) -> None:
        if table == "detectors" and (name := item["detector_id"]["S"]).startswith("effect/"):
            self._marked.setdefault(name.removeprefix("effect/"), self.moment())
