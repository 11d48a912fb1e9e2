"""BatchPutMessage: what is evaluated, once; what is refused, alone; what profile and stream say to it."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.detector import Position, Rollout, lot, without_pending
from coldwatch.detection.message_ids import MOST, grouped, has_come, is_full, remembering, ungrouped
from coldwatch.detection.ports import Checkpoint
from coldwatch.detection.step import expire_due
from coldwatch.engine.evaluation import Evaluation, Message
from coldwatch.engine.machines import machine_of
from coldwatch.engine.snapshot import Snapshot
from coldwatch.telemetry.payload import MAX_PAYLOAD_BYTES
from coldwatch_ops.detectors.machines import InterpretedMachine
from coldwatch_ops.detectors.replay import Replay
from coldwatch_ops.detectors.trace import Arrival as TraceArrival
from data_plane.answering import Use, answer
from data_plane.operations import OPERATIONS
from fire_timers.firing import Outcome, fire, sweep
from tests.unit.data_plane.builders import (
    CALLER,
    KNOWLEDGE,
    PUMPS,
    WATCHES,
    ask,
    fault_of,
    message,
    ports_of,
    pump,
    put,
    state_of,
    stored,
    variables_of,
)
from tests.unit.detection.builders import FRIDGE, NOW, SHARD, SILENCE, detector, effect, entry
from tests.unit.detection.fakes import World, commit_ports, firing_ports
from tests.unit.telemetry.builders import record

MINUTE = 60_000


def test_a_message_is_evaluated_by_every_model_that_looks_at_its_input() -> None:
    world = World()

    assert put(world, pump("m1", pressure=80, temperature=90)) == []

    assert state_of(world, "pump_pressure/p1") == "Dangerous"
    assert state_of(world, "pump_heat/p1") == "ACTIVE"
    assert state_of(world, "pump_cold/p1") == "DISABLED"
    assert variables_of(world, "plant/") == {"messages": 1, "last": "p1"}
    assert sorted(each.action.type for each in world.sent) == ["iotTopicPublish", "iotTopicPublish", "sns"]


def test_messages_of_a_batch_come_to_a_detector_in_their_order_and_in_one_write() -> None:
    world = World()

    put(world, *(pump(f"m{n}", pump=f"p{n}", pressure=1) for n in range(10)))

    assert variables_of(world, "plant/") == {"messages": 10, "last": "p9"}
    assert [each.action.payload for each in world.told if each.detector_model == "plant"] == [
        f"p{n}" for n in range(10)
    ]
    assert stored(world, "plant/").version == 1


def test_a_message_that_changes_nothing_still_makes_a_detector_that_can_be_described() -> None:
    world = World()

    put(world, message("m1", {"device_id": "d1", "temp_c": 4.0, "timestamp": NOW}, input_name="telemetry"))
    answered = ask(world, "GET", "/detectors/shock/keyValues/", query={"keyValue": "d1"})

    assert answered.status == 200
    assert answered.body["detector"]["creationTime"] == NOW / 1000


def test_a_second_message_with_an_id_is_dropped_for_five_minutes_by_each_detector() -> None:
    world = World()
    put(world, pump("m1", pressure=80))

    for later in (0, 1, 299_999):
        assert put(world, pump("m1", pump="p2", pressure=80), now_ms=NOW + later) == []

    assert variables_of(world, "plant/") == {"messages": 1, "last": "p1"}
    assert state_of(world, "pump_pressure/p2") == "Dangerous", "to that detector it was new"
    put(world, pump("m1", pressure=80), now_ms=NOW + 5 * MINUTE)
    assert variables_of(world, "plant/")["messages"] == 2
    plant = [each for each in world.told if each.detector_model == "plant"]
    assert len({each.effect_id for each in plant}) == 2, "its effects are others, though its id is the same"


def test_a_message_that_changed_nothing_is_known_again_too() -> None:
    world = World()
    put(world, pump("m1", pressure=1))
    put(world, pump("m2", pressure=1))

    put(world, pump("m2", pressure=80))

    assert state_of(world, "pump_pressure/p1") == "Normal"


def test_a_repetition_does_not_lengthen_the_time() -> None:
    world = World()
    put(world, pump("m1"))
    put(world, pump("m1"), pump("m2"), now_ms=NOW + 4 * MINUTE)

    put(world, pump("m1"), now_ms=NOW + 5 * MINUTE)

    assert variables_of(world, "plant/")["messages"] == 3


@pytest.mark.parametrize(
    ("bad", "code", "told"),
    [
        pytest.param(
            message("bad", {}, input_name="Nope"), "ResourceNotFoundException", "Input of name: Nope not found"
        ),
        pytest.param(message("bad", b"{"), "InvalidRequestException", "not JSON"),
        pytest.param(message("bad", b"\xff"), "InvalidRequestException", "not JSON"),
        pytest.param(message("bad", b"[" * 5_000), "InvalidRequestException", "not JSON"),
        pytest.param(message("bad", [1]), "InvalidRequestException", "no JSON object"),
        pytest.param(message("bad", b" " * (MAX_PAYLOAD_BYTES + 1)), "InvalidRequestException", "16,385 bytes"),
        pytest.param({**message("bad", {}), "payload": "%"}, "InvalidRequestException", "not JSON"),
        pytest.param(
            message("bad", {"temp_c": 4.0}, input_name="telemetry"), "InvalidRequestException", "no `device_id`"
        ),
    ],
)
def test_a_bad_message_harms_only_itself(bad: dict[str, Any], code: str, told: str) -> None:
    world = World()

    (failed,) = put(world, pump("m1"), bad, pump("m2"))

    assert (failed["messageId"], failed["errorCode"]) == ("bad", code)
    assert told in failed["errorMessage"]
    assert variables_of(world, "plant/")["messages"] == 2


def test_a_model_whose_key_a_message_lacks_is_passed_over_while_others_take_it() -> None:
    world = World()

    assert put(world, message("m1", {"pressure": 80})) == []

    assert list(world.items) == ["plant/"]


def test_telemetry_of_a_registered_device_is_joined_with_its_profile() -> None:
    world = World(entries={FRIDGE: entry(FRIDGE, profile="frozen_18")})
    reading = {"device_id": FRIDGE, "timestamp": NOW - 5, "temp_c": 4.0, "shock_g": 50.0}

    put(world, message("m1", reading, input_name="telemetry"))

    (shock,) = (each for each in world.told if each.detector_model == "shock")
    assert shock.profile is not None
    assert shock.profile["name"] == "frozen_18"
    assert (shock.device_id, shock.application, shock.occurred_at) == (FRIDGE, "coldchain", NOW - 5)
    assert shock.trigger == {"type": "message", "messageId": "m1", "inputName": "telemetry"}


def test_the_time_of_a_message_counts_on_the_event_clock_before_that_of_its_reading() -> None:
    world = World(entries={FRIDGE: entry(FRIDGE)})
    reading = {"device_id": FRIDGE, "timestamp": NOW - 5, "shock_g": 50.0}

    put(world, message("m1", reading, input_name="telemetry", at=NOW - 900))

    assert [each.occurred_at for each in world.sent] == [NOW - 900]


def test_a_device_that_is_not_watched_is_passed_over() -> None:
    world = World(entries={FRIDGE: entry(FRIDGE, watched=False)})

    assert put(world, message("m1", {"device_id": FRIDGE, "shock_g": 50.0}, input_name="telemetry")) == []

    assert world.items == {}


def test_a_timer_that_is_due_fires_before_a_message_at_its_own_time() -> None:
    world = World()
    put(world, pump("m1", pressure=80))

    put(world, pump("m2", pressure=90), now_ms=NOW + 2 * MINUTE)

    times = [each.occurred_at for each in world.told if each.detector_model == "pump_pressure"]
    assert times == [NOW, NOW + MINUTE, NOW + 2 * MINUTE]


def test_a_timer_of_a_detector_that_no_device_feeds_fires_by_itself() -> None:
    world = World(now_ms=NOW)
    put(world, pump("m1", pressure=80))
    world.now_ms = NOW + MINUTE + 3_000
    ports = replace(firing_ports(world), watches=WATCHES)

    sweep(ports, now_ms=world.now_ms)
    fired = fire([wake for _, wake in world.wakes], ports, now_ms=world.now_ms)

    assert Outcome.FIRED in fired.outcomes.values()
    assert state_of(world, "pump_pressure/p1") == "Normal"


def hearing(world: World, due_ms: int) -> None:
    """A detector of silence that the stream feeds; a message of its device waits there."""
    heard = detector(due_ms=due_ms, positions={SHARD: Position(1, FRIDGE, NOW)}, changed_at=NOW - 600_000)
    assert commit_ports(world).detectors.write([heard], now_ms=NOW) == set()
    world.checkpoints[SHARD] = Checkpoint(last_sequence=1, evaluated_until_ms=due_ms - 60_000)
    world.streams = {SHARD: [replace(record(2, b"", partition_key=FRIDGE, shard=SHARD), arrived_at=due_ms - 1)]}
    world.entries = {FRIDGE: entry(FRIDGE)}


def test_a_message_to_a_detector_that_the_stream_feeds_is_told_to_its_shard() -> None:
    """Whoever evaluates the shard remembers the detector as it was."""
    world = World(now_ms=NOW)
    hearing(world, due_ms=NOW + 10_000)
    name = f"{SILENCE}/{FRIDGE}"
    commit_ports(world).detectors.write([replace(stored(world, name), home=SHARD)], now_ms=NOW)

    assert put(world, message("m1", {"device_id": FRIDGE, "temp_c": 4.0}, input_name="telemetry")) == []

    assert (world.checkpoints[SHARD].generation, world.checkpoints[SHARD].touched) == (1, frozenset([name]))
    assert stored(world, name).home == SHARD


def test_while_a_version_is_rolled_out_each_detector_has_its_own() -> None:
    world, old = World(now_ms=NOW), WATCHES["pump_pressure"]
    rolling = replace(old, version="2", rollout=Rollout(old, 0.5))
    use = Use(ports_of(world), replace(KNOWLEDGE, watches={**WATCHES, old.name: rolling}), fault_of)
    body = {"messages": [pump(f"m{n}", pump=f"p{n}", pressure=80) for n in range(10)]}

    answer(OPERATIONS["BatchPutMessage"], body, use, caller=CALLER, now_ms=NOW)
    shown = answer(OPERATIONS["ListDetectors"], {"detectorModelName": old.name}, use, caller=CALLER, now_ms=NOW)

    found = {each["keyValue"]: each["detectorModelVersion"] for each in shown.body["detectorSummaries"]}
    assert found == {f"p{n}": "2" if lot(old.name, f"p{n}") < 0.5 else "1" for n in range(10)}
    assert set(found.values()) == {"1", "2"}


def test_a_message_does_not_overtake_the_stream_where_a_timer_would_tell_of_a_silence_that_was_not() -> None:
    world = World(now_ms=NOW)
    hearing(world, due_ms=NOW - 10_000)
    said = message("m1", {"device_id": FRIDGE, "temp_c": 4.0}, input_name="telemetry")

    (failed,) = put(world, said)

    assert failed["errorCode"] == "ServiceUnavailableException"
    assert "The stream is behind" in failed["errorMessage"]
    assert not [each for each in world.told if each.detector_model == "device_silence"]

    world.checkpoints[SHARD] = Checkpoint(last_sequence=2, evaluated_until_ms=NOW)
    assert put(world, said, now_ms=NOW + 5_000) == []
    assert [each.occurred_at for each in world.told if each.detector_model == "device_silence"][:1] == [NOW - 10_000]


def test_what_a_detector_owes_is_sent_before_what_a_message_adds() -> None:
    world = World()
    put(world, pump("m1"))
    plant = stored(world, "plant/")
    owed = msgspec.structs.replace(effect(), detector_model="plant", key=None)
    commit_ports(world).detectors.write([replace(plant, pending=(owed,))], now_ms=NOW)

    put(world, pump("m2"))

    sent = [each for each in world.told if each.detector_model == "plant"]
    assert [each.effect_id for each in sent].index(owed.effect_id) == 1
    assert len(sent) == 3


def test_a_dropped_message_sends_what_its_first_coming_left_owed() -> None:
    world = World()
    put(world, pump("m1"))
    owed = msgspec.structs.replace(effect(), detector_model="plant", key=None)
    commit_ports(world).detectors.write([replace(stored(world, "plant/"), pending=(owed,))], now_ms=NOW)

    put(world, pump("m1"))

    assert world.sent[-1] == owed
    assert stored(world, "plant/").pending == ()


def test_a_detector_takes_so_many_messages_in_five_minutes_and_no_more() -> None:
    world = World()
    put(world, pump("m1"))
    full: dict[str, int] = {}
    for n in range(MOST):
        full = remembering(full, f"n{n}", now_ms=NOW) if n % 500 == 0 else full | {f"{n:012d}": -(-NOW // 1000)}
    plant = replace(stored(world, "plant/"), message_ids=full)
    commit_ports(world).detectors.write([plant], now_ms=NOW)

    (failed,) = put(world, pump("m2"))
    assert failed["errorCode"] == "ThrottlingException"
    assert len(world.items["plant/"].body) < 60_000
    assert put(world, pump("m2"), now_ms=NOW + 5 * MINUTE) == []


@given(st.lists(st.tuples(st.integers(0, 2_000) | st.integers(299_000, 302_000), st.sampled_from("abc")), max_size=30))
def test_an_id_is_known_for_five_minutes_and_never_for_more_than_a_second_longer(
    coming: list[tuple[int, str]],
) -> None:
    ids: dict[str, int] = {}
    taken: dict[str, int] = {}
    for now, name in sorted(coming):
        known = has_come(ids, name, now_ms=NOW + now)
        age = now - taken[name] if name in taken else 10**9
        assert known or age >= 300_000
        assert not known or age < 301_000
        if not known:
            taken[name] = now
            ids = remembering(ids, name, now_ms=NOW + now)
        assert ungrouped(grouped(ids)) == ids
        assert not is_full(ids, now_ms=NOW)


said = st.tuples(
    st.sampled_from([0, 1, 30, 59, 60, 61, 299, 300, 301, 1000]),
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.fixed_dictionaries(
        {"pump": st.sampled_from(["p1", "p2"])},
        optional={"pressure": st.sampled_from([60, 80]), "temperature": st.sampled_from([3, 50, 90, "hot"])},
    ),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(said, min_size=1, max_size=15))
def test_what_comes_of_messages_is_what_a_replay_of_them_says(story: list[tuple[int, str, dict[str, Any]]]) -> None:
    """State, variables, timers, and what was sent when: with the timers due before each, and without repetitions."""
    world, now = World(), NOW
    replays: dict[str, Replay[Snapshot]] = {
        name: Replay(InterpretedMachine(machine_of(model))) for name, model in PUMPS.items()
    }
    sent: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for gap, message_id, payload in story:
        now += 1000 * gap
        assert put(world, message(message_id, payload), now_ms=now) == []
        line = TraceArrival(0, Message("PumpInput", payload, message_id), now, has_id=True)
        for name, replay in replays.items():
            for told in replay.enter(line):
                assert isinstance(told, Evaluation)
                sent[f"{name}/{told.key or ''}"] += [(action.event_name, told.time_ms) for action in told.actions]

    acted = {name: list(events) for name, events in sent.items() if events}
    found = {f"{name}/{key or ''}": each for name, replay in replays.items() for key, each in replay.detectors.items()}
    assert outcome(world, until_ms=now) == (acted, {name: essence(each) for name, each in found.items()})


def outcome(world: World, *, until_ms: int) -> tuple[dict[str, list[tuple[str, int]]], dict[str, Any]]:
    """What each detector has sent, and is, once its timers that are due by then have fired as well."""
    sent: dict[str, list[tuple[str, int]]] = defaultdict(list)
    states: dict[str, Any] = {}
    effects = world.told
    for name, each in world.detectors.items():
        after = expire_due(without_pending(each), WATCHES[each.model], until_ms=until_ms).detector
        effects += after.pending
        assert after.snapshot is not None
        states[name] = essence(after.snapshot)
    for told in effects:
        sent[told.detector_id].append((told.event_name, told.occurred_at))
    return dict(sent), states


def essence(snapshot: Snapshot) -> tuple[Any, ...]:
    return snapshot.state, dict(snapshot.variables), dict(snapshot.timers)
