"""The runtime in the simulated world: what goes wrong changes nothing, and what is wrong with the runtime shows."""

import json
import re
from random import Random

import pytest

from tests.simulation.__main__ import main
from tests.simulation.chance import KINDS, calm, storm
from tests.simulation.models import WATCHES
from tests.simulation.planted import BUGS
from tests.simulation.run import Case, run, shrunk
from tests.simulation.workload import Limits, make_workload
from tests.simulation.world import World

SHORT = 40
QUICKLY = 50
"""A bug that needs more seeds is looked for in the long suite."""
LONG = range(10_000, 10_600)


def test_faults_change_nothing() -> None:
    outcomes = [run(Case(seed)) for seed in range(SHORT)]

    assert not [(each.case.command, each.differences) for each in outcomes if each.differences]
    assert sum(each.effects for each in outcomes) > SHORT
    assert sum(each.quiet for each in outcomes) > sum(each.messages for each in outcomes) // 25
    faults = sum((each.faults for each in outcomes[1:]), start=outcomes[0].faults)
    assert min(faults[kind] for kind in KINDS) > 0, faults


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("part", range(4))
def test_faults_change_nothing_in_many_runs(part: int) -> None:
    outcomes = (run(Case(seed)) for seed in LONG[part::4])

    assert not [(each.case.command, each.differences) for each in outcomes if each.differences]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (bug.within > QUICKLY)) for name, bug in BUGS.items()]
)
def test_a_planted_bug_is_found_within_the_stated_number_of_seeds(name: str) -> None:
    found = (seed for seed in range(BUGS[name].within) if run(Case(seed, bug=name)).differences)

    assert next(found, None) is not None


def test_a_seed_replays_exactly() -> None:
    def story_of(seed: int) -> list[tuple[int, str, str, str]]:
        told: list[tuple[int, str, str, str]] = []
        run(Case(seed), lambda *step: told.append(step))
        return told

    first = story_of(7)

    assert len(first) > 100
    assert story_of(7) == first
    assert story_of(8) != first


def test_without_faults_nothing_goes_wrong() -> None:
    random = Random(3)
    world = World(make_workload(random, Limits()), calm(random))
    world.live()

    assert not world.chance.counts
    assert world.carried
    assert set(world.carried.values()) == {1}


@pytest.mark.parametrize("name", ["counting", "heartbeats", "noting", "tally"])
def test_a_model_of_its_own_is_given_messages_and_acts(name: str) -> None:
    def is_heard(seed: int) -> bool:
        random = Random(seed)
        workload = make_workload(random, Limits())
        workload.watches = {name: WATCHES[name]}
        world = World(workload, calm(random))
        world.live()
        return any(world.accepted.values())

    assert any(map(is_heard, range(10)))


def test_a_kind_that_is_left_out_does_not_strike() -> None:
    kinds = ("crash", "reshard", "profile_change")
    random = Random(11)
    world = World(make_workload(random, Limits()), storm(random, kinds))
    world.live()

    assert set(world.chance.counts) <= set(kinds)


def test_a_failing_seed_is_told_with_how_to_run_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    seed = next(each for each in range(BUGS["outbox_dropped"].within) if _fails(each, "outbox_dropped"))

    code = main([f"--seed={seed}", "--bug=outbox_dropped", "--steps=20"])

    said = capsys.readouterr().out
    last = json.loads(said.splitlines()[-1])
    assert code == 1
    assert last["divergences"] == last["seeds"] == 1
    assert last["faults"].keys() == set(KINDS)
    assert re.search(rf"make simulate SEED={seed} BUG=outbox_dropped$", said, re.MULTILINE)
    assert "without faults: " in said


def test_a_failing_case_made_smaller_fails_as_well() -> None:
    seed = next(each for each in range(BUGS["redelivery_ignored"].within) if _fails(each, "redelivery_ignored"))

    small = shrunk(Case(seed, bug="redelivery_ignored"))

    assert run(small).differences
    assert len(small.kinds) < len(KINDS)


def test_runs_without_a_divergence_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds=2", "--processes=1"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["divergences"] == 0


def _fails(seed: int, bug: str) -> bool:
    return bool(run(Case(seed, bug=bug)).differences)
