"""Whoever asks again after no answer, or after a request to do so, gets what a single asking would have come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.detector import Detector
from coldwatch.detection.ports import Checkpoint
from data_plane.answering import Use, answer
from data_plane.errors import ApiError
from data_plane.operations import OPERATIONS
from fire_timers.firing import fire, sweep
from tests.unit.data_plane.builders import (
    CALLER,
    KNOWLEDGE,
    WATCHES,
    BrokenError,
    ask,
    fault_of,
    ports_of,
    pump,
    put,
    stored,
    variables_of,
)
from tests.unit.detection.builders import NOW
from tests.unit.detection.fakes import FakeDetectors, Killed, Stepper, World, firing_ports

type Request = tuple[str, dict[str, Any]]


def messages(*given_: dict[str, Any]) -> Request:
    return "/inputs/messages", {"messages": list(given_)}


def alarm(word: str, **more: Any) -> Request:
    entry = {"requestId": f"r-{word}", "alarmModelName": "pump_heat", "keyValue": "p1", **more}
    return f"/alarms/{word}", {f"{word}ActionRequests": [entry]}


def detector(path: str, **more: Any) -> Request:
    return path, {"detectors": [{"messageId": "d", "detectorModelName": "pump_pressure", "keyValue": "p1", **more}]}


STATE = {"stateName": "Dangerous", "variables": [{"name": "breached", "value": "7"}], "timers": []}
STORY: list[Request] = [
    messages(pump("m1", pressure=80, temperature=90), pump("m2", pump="p2", pressure=80), pump("m3", pressure=90)),
    alarm("acknowledge"),
    alarm("snooze", snoozeDuration=30),
    detector("/detectors", state=STATE),
    messages(pump("m4", pressure=80)),
    detector("/detectors/delete"),
    messages(pump("m5", pressure=80, temperature=95), pump("m1", pressure=80)),
    alarm("disable"),
    alarm("enable"),
    messages(pump("m6", temperature=95)),
]


def tell(world: World, story: Sequence[Request], stepper: Callable[[int], Stepper]) -> dict[str, Any]:
    """Each is asked until it is answered and nothing of it is to be sent again; a minute lies between two."""
    for number, (path, body) in enumerate(story):
        world.now_ms = NOW + 60_000 * number
        for each in (stepper(number), Stepper(), Stepper()):
            try:
                is_unfinished = _is_unfinished(world, path, body, each)
            except Killed:
                continue
            if not is_unfinished:
                break
        else:
            raise AssertionError(f"{path} never comes to its end")
    let_time_pass(world)
    return world.final()


def _is_unfinished(world: World, path: str, body: dict[str, Any], stepper: Stepper) -> bool:
    given_ = ask(world, "POST", path, body=body, now_ms=world.now_ms, stepper=stepper)
    assert given_.status in {200, 202}
    (failed,) = given_.body.values()
    return any(each["errorCode"] in {"ThrottlingException", "ServiceUnavailableException"} for each in failed)


def let_time_pass(world: World) -> None:
    """Until nothing is owed and nothing is due."""
    ports = replace(firing_ports(world), watches=WATCHES)
    world.now_ms += 10 * 60_000
    for _ in range(5):
        world.now_ms += 60_000
        world.wakes.clear()
        sweep(ports, now_ms=world.now_ms)
        fire([wake for _, wake in world.wakes], ports, now_ms=world.now_ms)


def test_killed_at_any_step_and_asked_again_everything_is_as_if_nothing_had_happened() -> None:
    expected = tell(World(), STORY, lambda _: Stepper())
    assert len(expected["contents"]) > 12
    counted = [Stepper() for _ in STORY]
    tell(World(), STORY, lambda number: counted[number])

    for number, each in enumerate(counted):
        for kill_at in range(1, each.steps + 1):
            faults = {number: Stepper(kill_at)}
            found = tell(World(), STORY, partial(_fault_at, faults))
            assert found == expected, f"{STORY[number][0]} killed at step {kill_at}"


def _fault_at(faults: dict[int, Stepper], number: int) -> Stepper:
    return faults.get(number, Stepper())


steppers = st.builds(Stepper, st.none() | st.integers(1, 60), st.frozensets(st.integers(1, 60), max_size=3))


@settings(max_examples=60, deadline=None)
@given(st.lists(steppers, min_size=len(STORY), max_size=len(STORY)))
def test_faults_change_nothing(faults: list[Stepper]) -> None:
    assert tell(World(), STORY, lambda number: faults[number]) == tell(World(), STORY, lambda _: Stepper())


def test_two_who_send_to_one_detector_at_once_are_both_heard() -> None:
    counted = Stepper()
    put(World(), pump("m1", pressure=80), stepper=counted)

    for at in range(1, counted.steps + 1):
        world = World()
        other = Stepper(interrupt_at=at, interrupt=partial(put, world, pump("m2", pressure=80)))
        assert put(world, pump("m1", pressure=80), stepper=other) == []

        assert variables_of(world, "plant/")["messages"] == 2, f"interrupted at step {at}"
        assert variables_of(world, "pump_pressure/p1")["breached"] == 2
        assert len(world.effects_of()["plant/"]) == 2


class Contested(FakeDetectors):
    """Somebody else always comes first."""

    def write_outside(
        self,
        detectors: Sequence[Detector],  # noqa: ARG002 - the port's
        checkpoints: Mapping[str, Checkpoint],  # noqa: ARG002 - the port's
        *,
        now_ms: int,  # noqa: ARG002 - the port's
    ) -> bool:
        return False


class Broken(FakeDetectors):
    def write_outside(
        self,
        detectors: Sequence[Detector],  # noqa: ARG002 - the port's
        checkpoints: Mapping[str, Checkpoint],  # noqa: ARG002 - the port's
        *,
        now_ms: int,  # noqa: ARG002 - the port's
    ) -> bool:
        raise BrokenError


@pytest.mark.parametrize(("store", "code"), [(Contested, "ThrottlingException"), (Broken, "InternalFailureException")])
def test_a_detector_that_cannot_be_written_fails_its_entries(store: type[FakeDetectors], code: str) -> None:
    world = World()
    ports = ports_of(world)
    failing = replace(ports, commit=replace(ports.commit, detectors=store(world, Stepper())))
    use = Use(failing, KNOWLEDGE, fault_of)
    body = {"messages": [pump("m1"), {**pump("m2"), "inputName": "nope"}]}

    given_ = answer(OPERATIONS["BatchPutMessage"], body, use, caller=CALLER, now_ms=NOW)

    codes = {each["messageId"]: each["errorCode"] for each in given_.body["BatchPutMessageErrorEntries"]}
    assert codes == {"m1": code, "m2": "ResourceNotFoundException"}
    assert world.items == {}


def test_effects_that_the_queue_refuses_stay_owed_and_go_out_when_the_message_comes_again() -> None:
    world = World()

    (failed,) = put(world, pump("m1"), stepper=Stepper(refuse=frozenset(range(100))))
    assert failed["errorCode"] == "ServiceUnavailableException"
    assert len(stored(world, "plant/").pending) == 1

    assert put(world, pump("m1")) == []
    assert (len(world.sent), variables_of(world, "plant/")["messages"]) == (1, 1)


def test_an_error_that_nobody_expects_is_not_taken_for_one_of_the_api() -> None:
    with pytest.raises(ZeroDivisionError):
        fault_of(ZeroDivisionError())
    assert isinstance(fault_of(BrokenError()), ApiError)
