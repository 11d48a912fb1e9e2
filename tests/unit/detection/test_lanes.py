"""What devices' lanes take comes to what the long way comes to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, override

from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.detector import Watch
from coldwatch.detection.ports import Entry, Start
from coldwatch.detection.small import unpack
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch.profiles import Catalog, Clock, ProfileInForce, RegisteredDevice
from coldwatch.telemetry.delivery import Delivery, columns, is_in_order, sequence_numbers
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from evaluate_detectors.evaluation import BatchReport, evaluate_batch
from evaluate_detectors.intake import Knowledge
from evaluate_detectors.report import describe
from tests.simulation.models import HEARTBEATS
from tests.unit.detection.builders import FILES, NOW, SHARD, SILENCE, WATCHES, counting_watch, records_of
from tests.unit.detection.fakes import World, evaluation_ports
from tests.unit.telemetry.builders import CHILD, FRIDGE, GATEWAY, RULES, coldchain, envelope_of, kinesis_event
from tests.unit.telemetry.builders import record as bare_record

OTHER: Final = "acme-fridge-0002"
MODELS: Final = [each for each in WATCHES.values() if "telemetry" in each.inputs]
MODE: Final[dict[str, Any]] = {
    "detectorModelName": "mode",
    "key": "device_id",
    "detectorModelDefinition": {
        "initialStateName": "only",
        "states": [
            {
                "stateName": "only",
                "onInput": {
                    "events": [
                        {
                            "eventName": "Rest",
                            "condition": 'currentInput("telemetry") && !($input.mode.level > 5)',
                            "actions": [{"setTimer": {"timerName": "rest", "seconds": 60}}],
                        }
                    ]
                },
            }
        ],
    },
}
"""It remembers what another input said last."""
SETS: Final = (
    *(MODELS, [*MODELS, HEARTBEATS], [HEARTBEATS], [WATCHES[SILENCE]], [WATCHES["shock"], counting_watch()]),
    [WATCHES[SILENCE], Watch(load_model(MODE), Clock.WALL, "1")],
)
"""The third counts in a variable; one of the fifth sends at each message, so that no message is quiet."""

NEXT: Final = "shardId-000000000001"
PROFILES: Final = (None, '{"silence_s": 60}', '{"high_c": 5, "minimum_readings": 2}', '{"nonsense": 1}')

type Change = Mapping[str, Any]

USUAL: Final[Change] = {}
SAID: Final[Sequence[Change]] = (
    *[USUAL] * 6,
    *({"temp_c": 9.5}, {"temp_c": -3.0}, {"shock_g": 9.0}, {"battery_pct": 5.0}, {"probe": "LOST"}, {"probe": "OK"}),
    *({"temp_c": -0.0, "shock_g": 1e-200}, {"temp_c": 8}, {"firmware": "2.4.1"}, {"door_open": True}),
    # Unusual, and taken all the same.
    *({"probe": None, "fleet_id": None}, {"more": [1, {"x": None}]}, {"metadata": {"a": 1}}, {"seq": 7.0}),
    *({"location": {"lat": 1, "lon": 2}}, {"location": {"lat": 1, "lon": 2, "up": 3}}, {"profile": {"high_c": -90}}),
    # Rejected.
    *({"temp_c": "warm"}, {"temp_c": None}, {"humidity_pct": 101}, {"shock_g": -1}, {"firmware": "\n"}, {"probe": "?"}),
    *({"metadata": 1}, {"timestamp": 5}, {"timestamp": NOW * 2}, {"device_id": "somebody"}, {"location": {"lat": 1}}),
    {"more": [[[]]] * 40},
)


@dataclass(frozen=True)
class Said:
    """`gap` and `age` in seconds; `of` is whose message it is. `form` is how it comes to the stream."""

    gap: int
    of: str
    age: int
    says: Change
    form: str


said = st.builds(
    Said,
    st.sampled_from([0, 1, 15, 15, 15, 61, 200, 700]),
    st.sampled_from([FRIDGE, FRIDGE, OTHER, CHILD]),
    st.sampled_from([0, 0, 0, 0, 1, 100, 700, -30, -4000]),
    st.sampled_from(SAID),
    st.sampled_from([*["new"] * 8, "twice", "bare", "no JSON", "another's", "put again", "of a factory"]),
)
happenings = st.none() | st.tuples(st.sampled_from([FRIDGE, OTHER]), st.sampled_from(PROFILES), st.booleans())


def registered(name: str, profile_changes: str | None = None, *, watched: bool = True) -> Entry:
    device = RegisteredDevice(
        device_id=name, fleet_id="acme", application="coldchain", profile_changes=profile_changes, watched=watched
    )
    return Entry(Device(name, "acme", "coldchain", gateway=GATEWAY if name == CHILD else None), device)


def stream(messages: Iterable[Said]) -> list[StreamRecord]:
    found: list[StreamRecord] = []
    now = NOW
    for number, each in enumerate(messages):
        now += 1000 * each.gap
        usual = {"device_id": each.of, "timestamp": now - 1000 * each.age, "seq": number}
        content = coldchain(**usual | dict(each.says))
        for _ in range(2 if each.form == "twice" else 1):
            found.append(_record(len(found) + 1, each, content, found, now))
    return found


def _record(number: int, said: Said, content: Any, before: Sequence[StreamRecord], now: int) -> StreamRecord:
    thing = GATEWAY if said.of == CHILD else said.of
    more: dict[str, Any] = {"received_at": now}
    if said.form == "put again" and before:
        more |= {"origin": before[-1].event_id}
    if said.form == "of a factory":
        more |= {"application": "factory"}
    body: Any = envelope_of(content, thing=thing, **more)
    if said.form == "bare":
        body = content
    if said.form == "no JSON":
        body = b"{"
    if said.form == "another's":
        body = envelope_of(content, thing="somebody", **more)
    return replace(bare_record(number, body, partition_key=thing), arrived_at=now + 40)


def in_shards(records: Sequence[StreamRecord], *ends: int) -> list[Sequence[StreamRecord]]:
    """The stream in three parts: of one shard, of another that goes on for it, and of the first once more."""
    first, second = ends
    moved = [replace(each, event_id=f"{NEXT}:{each.sequence_number}", shard_id=NEXT) for each in records[first:second]]
    return [records[:first], moved, records[second:]]


def run(
    batches: Sequence[tuple[Sequence[StreamRecord], Any]], models: Sequence[Watch], *, has_lanes: bool
) -> tuple[World, list[BatchReport]]:
    world = World(now_ms=NOW)
    for name in (FRIDGE, OTHER, GATEWAY, CHILD):
        world.register(registered(name))
    ports, reports = evaluation_ports(world, owner="me"), []
    knowledge = Knowledge(RULES, {"telemetry": models}, FILES.catalog, has_lanes=has_lanes)
    for records, change in batches:
        if change is not None:
            name, profile, watched = change
            world.register(registered(name, profile, watched=watched))
        world.now_ms = records[-1].arrived_at
        reports.append(evaluate_batch(records, ports, knowledge, now_ms=world.now_ms))
    return world, reports


def essence(world: World) -> tuple[Any, ...]:
    wakes = sorted((at, wake.detector_id, wake.due_ms) for at, wake in world.wakes)
    items = {name: (item.detector, item.due_ms, item.is_owing) for name, item in world.items.items()}
    pages = {place: (page.number, unpack([page.body])) for place, page in world.pages.items()}
    return (world.detectors, world.sent, world.checkpoints, wakes, world.requests, pages, items)


def told(report: BatchReport) -> tuple[Any, ...]:
    assert report.lane_faults == {}
    counts = {name: count for name, count in report.counts.items() if count and name != "quiet"}
    return (counts, report.failures, report.faults, report.notes, report.omitted)


@settings(max_examples=300, deadline=None)
@given(
    messages=st.lists(said, min_size=1, max_size=40),
    cuts=st.lists(st.tuples(st.integers(1, 8), happenings), min_size=1, max_size=12),
    models=st.integers(0, len(SETS) - 1),
    shards=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_with_lanes_and_without_everything_is_the_same(
    messages: list[Said], cuts: list[tuple[int, Any]], models: int, shards: tuple[int, int]
) -> None:
    """Stored detectors, the log, effects, wakes, the checkpoint, requests, and what is told."""
    batches: list[tuple[Sequence[StreamRecord], Any]] = []
    for part in in_shards(stream(messages), *sorted(shards)):
        place = 0
        while place < len(part):
            size, change = cuts[len(batches) % len(cuts)]
            batches.append((part[place : place + size], change))
            place += size

    expected, expected_reports = run(batches, SETS[models], has_lanes=False)
    world, reports = run(batches, SETS[models], has_lanes=True)

    assert list(map(told, reports)) == list(map(told, expected_reports))
    assert essence(world) == essence(expected)


def quiet_world(models: Sequence[Watch], batches: int) -> tuple[World, list[BatchReport]]:
    """Each device is heard once in each batch, and all is well."""
    heard = [
        [
            record
            for n, name in enumerate((FRIDGE, OTHER))
            for record in records_of([(15 * at, {})], first=at * 10 + n, device_id=name)
        ]
        for at in range(batches)
    ]
    return run([(each, None) for each in heard], models, has_lanes=True)


def test_once_a_device_is_known_its_lane_takes_what_is_quiet() -> None:
    _, reports = quiet_world(MODELS, 4)

    assert [each.counts["quiet"] for each in reports] == [0, 2, 2, 2]
    assert [each.counts["evaluated"] for each in reports] == [2 * len(MODELS)] * 4


def test_a_detector_that_changes_by_a_variable_goes_on_in_the_log() -> None:
    world, reports = quiet_world([HEARTBEATS], 5)

    assert [each.counts["quiet"] for each in reports] == [0, 2, 2, 2, 2]
    assert world.writes == 2
    snapshot = world.detectors[f"heartbeats/{FRIDGE}"].snapshot
    assert snapshot
    assert snapshot.variables["count"] == 5


def test_beside_a_model_that_remembers_another_input_no_message_is_quiet() -> None:
    _, reports = quiet_world(SETS[-1], 3)

    assert [each.counts["quiet"] for each in reports] == [0, 0, 0]


def test_a_lane_is_no_longer_believed_behind_a_batch_that_went_the_long_way() -> None:
    world = World(now_ms=NOW)
    world.register(registered(FRIDGE))
    ports = evaluation_ports(world)
    knowledge = Knowledge(RULES, {"telemetry": [HEARTBEATS]}, FILES.catalog)
    for at in range(6):
        said = records_of([(15 * at, {})], first=at)
        evaluate_batch(said, ports, replace(knowledge, has_lanes=at != 3), now_ms=said[-1].arrived_at)

    known = ports.memory.take(SHARD, Start(world.checkpoints[SHARD], world.devices, world.created))
    assert known
    current = known.current(f"heartbeats/{FRIDGE}")
    assert current
    assert current.snapshot
    assert current.snapshot.variables["count"] == 6


class Broken(Catalog):
    """Our own code fails on one device."""

    def __init__(self) -> None:
        self.__dict__.update(FILES.catalog.__dict__)

    @override
    def in_force(self, device: RegisteredDevice) -> ProfileInForce:
        if device.device_id == OTHER:
            raise ZeroDivisionError
        return super().in_force(device)


def uncompilable(watch: Watch) -> Watch:
    """Its model has something that the compiler fails on, and that the interpreter never comes to."""
    model = watch.model
    assert isinstance(model, DetectorModel)
    states: dict[str, Any] = {**model.states, "never": None}
    return replace(watch, model=replace(model, states=states))


def test_our_own_fault_in_beginning_a_lane_is_told_with_every_batch_and_holds_nothing_up() -> None:
    world, reports = quiet_world([uncompilable(HEARTBEATS)], 3)

    told = [describe(each)["lane_faults"] for each in reports]
    assert [list(each) for each in told] == [[], [FRIDGE, OTHER], [FRIDGE, OTHER]], "at first no device is known"
    assert all("NoneType" in each for each in told[1].values())
    assert told[2] == told[1]
    assert [(each.counts["quiet"], each.failures) for each in reports] == [(0, {})] * 3
    snapshot = world.detectors[f"heartbeats/{FRIDGE}"].snapshot
    assert snapshot
    assert snapshot.variables["count"] == 3


def test_a_name_that_no_message_can_have_is_no_fault_of_ours() -> None:
    strange = "acme fridge"
    world = World(now_ms=NOW)
    known = registered(FRIDGE)
    identity, watched = replace(known.identity, device_id=strange), replace(known.watched, device_id=strange)
    world.register(Entry(identity, watched))
    ports = evaluation_ports(world)
    knowledge = Knowledge(RULES, {"telemetry": [HEARTBEATS]}, FILES.catalog)

    reports = [
        evaluate_batch(records_of([(15 * n, {})], first=n, device_id=strange), ports, knowledge, now_ms=NOW)
        for n in range(2)
    ]

    assert [(dict(each.lane_faults), each.counts["quiet"]) for each in reports] == [({}, 0)] * 2


def test_what_is_quiet_behind_a_failure_is_written_and_the_checkpoint_waits_before_it() -> None:
    world, models = World(now_ms=NOW), [WATCHES[SILENCE], HEARTBEATS]
    for name in (FRIDGE, OTHER):
        world.register(registered(name))
    ports = evaluation_ports(world)
    broken = Knowledge(RULES, {"telemetry": models}, Broken())
    mended = Knowledge(RULES, {"telemetry": models}, FILES.catalog)
    said = [records_of([(15 * n, {})], first=n, device_id=OTHER if n == 3 else FRIDGE)[0] for n in range(6)]
    evaluate_batch(said[:1], ports, broken, now_ms=NOW)

    failed = evaluate_batch(said[1:], ports, broken, now_ms=NOW)

    assert (failed.counts["quiet"], failed.lowest_failed) == (4, said[3].sequence)
    assert world.checkpoints[SHARD].last_sequence == said[2].sequence
    position = world.detectors[f"heartbeats/{FRIDGE}"].positions[SHARD]
    assert position.sequence == said[5].sequence

    again = evaluate_batch(said[3:], ports, mended, now_ms=NOW)

    assert (again.counts["redelivered"], again.failures) == (2 * len(models), {})
    snapshot = world.detectors[f"heartbeats/{FRIDGE}"].snapshot
    assert snapshot
    assert snapshot.variables["count"] == 5


def test_a_lane_does_not_take_a_second_time_what_came_behind_a_failure() -> None:
    world, models = World(now_ms=NOW), [WATCHES["shock"], WATCHES["sustained_excursion_high"]]
    for name in (FRIDGE, OTHER):
        world.register(registered(name))
    ports = evaluation_ports(world)
    broken = Knowledge(RULES, {"telemetry": models}, Broken())
    mended = Knowledge(RULES, {"telemetry": models}, FILES.catalog)
    temperatures = (4.0, 9.5, 4.0, 4.0, 4.0)
    said = [
        records_of([(15 * n, {"temp_c": each})], first=n, device_id=OTHER if n == 3 else FRIDGE)[0]
        for n, each in enumerate(temperatures)
    ]
    evaluate_batch(said[:1], ports, broken, now_ms=NOW)

    failed = evaluate_batch(said[1:], ports, broken, now_ms=NOW)
    again = evaluate_batch(said[3:], ports, mended, now_ms=NOW)

    assert (failed.counts["quiet"], failed.counts["changed"]) == (3, 1)
    # The detector that had changed has seen it; the other has kept nothing of it, and nothing comes of it again.
    assert (again.counts["redelivered"], again.counts["changed"]) == (1, 0)


def test_records_are_read_from_an_event_as_they_are_asked_for() -> None:
    records = records_of([(n, {}) for n in range(4)])

    delivery = Delivery(kinesis_event(records)["Records"])

    assert list(delivery) == records
    assert list(delivery[1:3]) == records[1:3]
    assert list(columns(delivery)) == list(columns(records))
    assert sequence_numbers(delivery) == sequence_numbers(records)


def test_only_an_order_without_doubt_is_one() -> None:
    assert is_in_order(["10", "11"])
    assert not is_in_order(["11", "10"])
    assert not is_in_order(["10", "10"])
    assert not is_in_order(["9", "10"])
