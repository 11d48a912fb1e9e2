"""One seed: its workload without faults and with them; and a seed that fails made smaller."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from tests.simulation.bounds import small_bounds
from tests.simulation.chance import KINDS, OF_THE_WORKLOAD, calm, storm
from tests.simulation.check import Difference, differences
from tests.simulation.planted import BUGS
from tests.simulation.workload import Limits, make_workload
from tests.simulation.world import Story, World

USUAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Case:
    """Which run: all of it follows from this."""

    seed: int
    kinds: tuple[str, ...] = KINDS
    limits: Limits = USUAL
    bug: str | None = None

    @property
    def command(self) -> str:
        options = [f"SEED={self.seed}"]
        if self.kinds != KINDS:
            options.append(f"KINDS={','.join(self.kinds)}")
        own = {name: getattr(self.limits, name) for name in ("devices", "messages", "phases")}
        options += [f"{name.upper()}={value}" for name, value in own.items() if value != getattr(USUAL, name)]
        if self.bug:
            options.append(f"BUG={self.bug}")
        return f"make simulate {' '.join(options)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    differences: tuple[Difference, ...] = ()
    faults: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    effects: int = 0
    given_up: int = 0
    quiet: int = 0
    """Records of the run with faults that the devices' lanes took."""


def run(case: Case, story: Story | None = None) -> Outcome:
    random = Random(case.seed)
    workload = make_workload(random, case.limits)
    quiet = World(workload, calm(random))
    stormy = World(workload, storm(random, case.kinds), story)
    # Every other seed also holds the lanes to the long way.
    quiet.has_lanes = case.seed % 2 == 1
    if case.bug:
        stormy.plant = BUGS[case.bug].plant
    try:
        with small_bounds(random):
            quiet.live()
            stormy.live()
            found = differences(quiet, stormy)
    except Exception:  # noqa: BLE001 - whatever the product's code raises is a finding
        found = [Difference(traceback.format_exc(), stormy.now_ms)]
    faults = stormy.chance.counts + Counter(reshard=workload.reshards, profile_change=workload.profile_changes)
    effects = sum(len(each) for each in quiet.accepted.values())
    given_up = len(stormy.source.given_up)
    return Outcome(case, tuple(found), faults, workload.stream.made, effects, given_up, stormy.quiet)


def shrunk(case: Case) -> Case:
    """A smaller case that fails as well: fewer kinds of fault, then fewer messages, phases and devices."""
    for kind in KINDS:
        if kind not in OF_THE_WORKLOAD and kind in case.kinds:
            case = _if_it_fails(replace(case, kinds=tuple(each for each in case.kinds if each != kind)), case)
    for smaller in _smaller_workloads(case):
        case = _if_it_fails(replace(case, limits=smaller(case.limits)), case)
    return case


def _smaller_workloads(case: Case) -> Iterator[Callable[[Limits], Limits]]:
    yield from (lambda limits, n=n: replace(limits, phases=min(n, limits.phases)) for n in (1, 2))
    yield from (lambda limits, n=n: replace(limits, devices=min(n, limits.devices)) for n in (1, 2, 3))
    most = run(case).messages
    yield from (
        lambda limits, n=n: replace(limits, messages=min(n, limits.messages))
        for n in (most * k // 8 for k in range(1, 8))
    )


def _if_it_fails(candidate: Case, otherwise: Case) -> Case:
    return candidate if run(candidate).differences else otherwise
