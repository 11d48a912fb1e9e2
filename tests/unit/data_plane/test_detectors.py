"""Detectors are described, listed, put into another state and deleted."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.detector import Position
from coldwatch.detection.step import Arrival, Fate, receive
from tests.unit.data_plane.builders import WATCHES, ask, message, pump, put, state_of, stored, variables_of
from tests.unit.detection.builders import NOW, SHARD
from tests.unit.detection.fakes import World, commit_ports

MINUTE = 60_000


def ordered(state: str = "Dangerous", *, key: str | None = "p1", model: str = "pump_pressure", **more: Any) -> Any:
    state_ = {"stateName": state, "variables": [], "timers": []} | more
    made = {"messageId": "u1", "detectorModelName": model, "state": state_}
    return made if key is None else {**made, "keyValue": key}


def update(world: World, entry: Any, *, now_ms: int = NOW) -> Any:
    given = ask(world, "POST", "/detectors", body={"detectors": [entry]}, now_ms=now_ms)
    assert given.status == 200, given.body
    return given.body["batchUpdateDetectorErrorEntries"]


def delete(world: World, *, key: str = "p1", model: str = "pump_pressure") -> Any:
    entry = {"messageId": "d1", "detectorModelName": model, "keyValue": key}
    given = ask(world, "POST", "/detectors/delete", body={"detectors": [entry]})
    assert given.status == 200, given.body
    return given.body["batchDeleteDetectorErrorEntries"]


def describe(world: World, model: str = "pump_pressure", key: str | None = "p1") -> Any:
    query = {} if key is None else {"keyValue": key}
    return ask(world, "GET", f"/detectors/{model}/keyValues/", query=query)


@pytest.fixture
def world() -> World:
    """A pump in danger since NOW."""
    world = World()
    put(world, pump("m1", pressure=80))
    return world


def test_a_detector_is_described_with_its_variables_as_json_text_and_its_timers(world: World) -> None:
    found = describe(world).body["detector"]

    assert found == {
        "detectorModelName": "pump_pressure",
        "keyValue": "p1",
        "detectorModelVersion": "1",
        "state": {
            "stateName": "Dangerous",
            "variables": [{"name": "breached", "value": "1"}],
            "timers": [{"name": "calm", "timestamp": (NOW + MINUTE) / 1000}],
        },
        "creationTime": NOW / 1000,
        "lastUpdateTime": NOW / 1000,
    }
    assert describe(world, "plant", None).body["detector"]["state"]["variables"] == [
        {"name": "last", "value": '"p1"'},
        {"name": "messages", "value": "1"},
    ]


@pytest.mark.parametrize(
    ("model", "key", "status", "code"),
    [
        ("pump_pressure", "p9", 404, "ResourceNotFoundException"),
        ("nope", "p1", 404, "ResourceNotFoundException"),
        ("pump_heat", "p1", 404, "ResourceNotFoundException"),
        ("pump_pressure", None, 400, "InvalidRequestException"),
        ("plant", "p1", 400, "InvalidRequestException"),
    ],
)
def test_what_there_is_not_cannot_be_described(
    world: World, model: str, key: str | None, status: int, code: str
) -> None:
    answered = describe(world, model, key)

    assert (answered.status, answered.headers["x-amzn-errortype"], answered.body["code"]) == (status, code, code)


def test_an_update_takes_the_place_of_everything_and_enters_no_state(world: World) -> None:
    variables = [{"name": "note", "value": '"by hand"'}, {"name": "ratio", "value": "1.5"}]
    timers = [{"name": "other", "seconds": 30}]

    assert update(world, ordered("Normal", variables=variables, timers=timers), now_ms=NOW + 5_000) == []

    state = describe(world).body["detector"]["state"]
    # `onEnter` of Normal would have set `breached` to 0.
    assert state == {
        "stateName": "Normal",
        "variables": variables,
        "timers": [{"name": "other", "timestamp": (NOW + 35_000) / 1000}],
    }
    assert len([each for each in world.told if each.detector_model == "pump_pressure"]) == 1


def test_a_timer_that_an_update_does_not_name_never_expires_and_can_be_reset(world: World) -> None:
    update(world, ordered("Dangerous", variables=[{"name": "breached", "value": "5"}]))

    put(world, pump("m2", pressure=80), now_ms=NOW + 2 * MINUTE)

    assert state_of(world, "pump_pressure/p1") == "Dangerous"
    assert variables_of(world, "pump_pressure/p1") == {"breached": 6}
    assert describe(world).body["detector"]["state"]["timers"][0]["timestamp"] == (NOW + 3 * MINUTE) / 1000


def test_a_timer_that_an_update_sets_fires() -> None:
    world = World()
    put(world, pump("m1", pressure=1))
    update(world, ordered("Dangerous", timers=[{"name": "calm", "seconds": 7}]))

    put(world, pump("m2", pressure=1), now_ms=NOW + 10_000)

    assert state_of(world, "pump_pressure/p1") == "Normal"
    assert [each.occurred_at for each in world.told if each.detector_model == "pump_pressure"] == [NOW + 7_000]


@pytest.mark.parametrize(
    ("entry", "code", "told"),
    [
        (ordered("Nowhere"), "InvalidRequestException", "has no state Nowhere"),
        (ordered(key="p9"), "ResourceNotFoundException", "p9 not found"),
        (ordered(key=None), "InvalidRequestException", "keyValue is missing"),
        (ordered(model="pump_heat"), "ResourceNotFoundException", "pump_heat not found"),
        (ordered(variables=[{"name": "v", "value": "bare"}]), "InvalidRequestException", "put in quotes"),
        (ordered(variables=[{"name": "v", "value": "null"}]), "InvalidRequestException", "can hold a number"),
        (ordered(variables=[{"name": "v", "value": "[1]"}]), "InvalidRequestException", "can hold a number"),
        (ordered(variables=[{"name": "v", "value": str(2**64)}]), "InvalidRequestException", "64-bit"),
        (ordered(timers=[{"name": "t", "seconds": 0}]), "InvalidRequestException", "31,622,400"),
        (ordered(timers=[{"name": "t", "seconds": 31_622_401}]), "InvalidRequestException", "31,622,400"),
    ],
)
def test_an_update_that_cannot_be_is_refused_and_changes_nothing(
    world: World, entry: Any, code: str, told: str
) -> None:
    before = stored(world, "pump_pressure/p1")

    (failed,) = update(world, entry)

    assert (failed["messageId"], failed["errorCode"]) == ("u1", code)
    assert told in failed["errorMessage"]
    assert stored(world, "pump_pressure/p1") == before


json_values = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), json_values, max_size=4))
@settings(max_examples=40, deadline=None)
def test_what_an_update_says_a_description_says_again(variables: dict[str, Any]) -> None:
    world = World()
    put(world, pump("m1", pressure=80))
    update(world, ordered(variables=[{"name": name, "value": json.dumps(each)} for name, each in variables.items()]))

    found = describe(world).body["detector"]["state"]["variables"]

    assert variables_of(world, "pump_pressure/p1") == variables
    update(world, ordered(variables=found))
    assert describe(world).body["detector"]["state"]["variables"] == found


def test_a_deleted_detector_begins_anew_with_the_next_message(world: World) -> None:
    assert delete(world) == []

    assert describe(world).status == 404
    (failed,) = delete(world)
    assert failed["errorCode"] == "ResourceNotFoundException"
    put(world, pump("m2", pressure=1), now_ms=NOW + 2 * MINUTE)
    found = describe(world).body["detector"]
    assert (found["state"]["stateName"], found["state"]["variables"][0]["value"]) == ("Normal", "0")
    assert found["creationTime"] == (NOW + 2 * MINUTE) / 1000
    assert len([each for each in world.told if each.detector_model == "pump_pressure"]) == 1, "no timer fired"


def test_what_a_deleted_detector_has_seen_of_the_stream_does_not_come_again(world: World) -> None:
    seen = replace(stored(world, "pump_pressure/p1"), positions={SHARD: Position(7, "p1", NOW)})
    commit_ports(world).detectors.write([seen], now_ms=NOW)

    delete(world)

    again = Arrival(
        input_name="PumpInput",
        payload={"pump": "p1", "pressure": 99},
        origin="o",
        shard_id=SHARD,
        sequence=7,
        thing="p1",
        device_id="p1",
        application="",
        reading_key="r",
        timestamp=NOW,
        arrived_at=NOW,
    )
    step = receive(stored(world, "pump_pressure/p1"), again, WATCHES["pump_pressure"])
    assert (step.fate, step.detector.snapshot) == (Fate.REDELIVERED, None)


def test_effects_that_a_detector_owes_are_sent_before_it_is_deleted(world: World) -> None:
    held = stored(world, "pump_pressure/p1")
    owed = world.sent.pop()
    commit_ports(world).detectors.write([replace(held, pending=(owed,))], now_ms=NOW)

    delete(world)

    assert world.sent[-1] == owed
    assert stored(world, "pump_pressure/p1").pending == ()


def test_a_detector_of_another_version_of_the_model_is_shown_and_changed_as_it_goes_on(world: World) -> None:
    held = stored(world, "pump_pressure/p1")
    assert held.snapshot is not None
    unknown = replace(held.snapshot, variables={**held.snapshot.variables, "unknown": 1})
    commit_ports(world).detectors.write([replace(held, model_version="0", snapshot=unknown)], now_ms=NOW)

    shown = describe(world).body["detector"]
    assert shown["detectorModelVersion"] == "1"
    assert "unknown" not in [each["name"] for each in shown["state"]["variables"]]
    assert put(world, pump("m2", pressure=80), now_ms=NOW + 1_000) == []
    assert stored(world, "pump_pressure/p1").model_version == "1"


def test_a_detector_whose_state_the_model_has_no_more_is_not_there_for_the_api(world: World) -> None:
    held = stored(world, "pump_pressure/p1")
    assert held.snapshot is not None
    gone = replace(held, model_version="0", snapshot=replace(held.snapshot, state="Gone"))
    commit_ports(world).detectors.write([gone], now_ms=NOW)

    assert describe(world).status == 404
    assert ask(world, "GET", "/detectors/pump_pressure").body["detectorSummaries"] == []


@given(
    count=st.integers(0, 12),
    size=st.integers(1, 13),
    state=st.sampled_from([None, "Normal", "Dangerous"]),
    deleted=st.sets(st.integers(0, 11), max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_the_pages_of_a_list_hold_each_detector_once_and_in_order(
    count: int, size: int, state: str | None, deleted: set[int]
) -> None:
    world = World()
    for n in range(count):
        put(world, pump(f"m{n}", pump=f"p{n:02d}", pressure=80 if n % 3 else 1))
    gone = {n for n in deleted if n < count}
    for n in gone:
        delete(world, key=f"p{n:02d}")
    query = {"maxResults": str(size)} | ({"stateName": state} if state else {})

    found: list[Any] = []
    token: str | None = ""
    while token is not None:
        page = ask(world, "GET", "/detectors/pump_pressure", query=query | ({"nextToken": token} if token else {})).body
        assert len(page["detectorSummaries"]) <= size
        found += page["detectorSummaries"]
        token = page.get("nextToken")

    states = {n: "Dangerous" if n % 3 else "Normal" for n in range(count) if n not in gone}
    wanted = [(f"p{n:02d}", each) for n, each in states.items() if state in (None, each)]
    assert [(each["keyValue"], each["state"]["stateName"]) for each in found] == wanted


@pytest.mark.parametrize("token", ["x", "cGxhbnQv", "%%", "cHVtcF9wcmVzc3VyZQ=="])
def test_a_token_that_no_list_of_the_model_gave_is_refused(world: World, token: str) -> None:
    answered = ask(world, "GET", "/detectors/pump_pressure", query={"nextToken": token})

    assert (answered.status, answered.body["message"]) == (400, "nextToken is not from a list of this model")


def test_a_page_of_one_state_is_no_longer_than_asked() -> None:
    world = World()
    for n in range(12):
        put(world, pump(f"m{n}", pump=f"p{n:02d}", pressure=80 if n % 3 else 1))

    page = ask(world, "GET", "/detectors/pump_pressure", query={"stateName": "Dangerous", "maxResults": "3"}).body

    assert [each["keyValue"] for each in page["detectorSummaries"]] == ["p01", "p02", "p04"]


def test_a_rare_state_does_not_keep_a_request_for_ever() -> None:
    world = World()
    for n in range(30):
        put(world, pump(f"m{n}", pump=f"p{n:02d}", pressure=1))

    page = ask(world, "GET", "/detectors/pump_pressure", query={"stateName": "Dangerous", "maxResults": "1"}).body

    assert page["detectorSummaries"] == []
    assert page["nextToken"]


def test_messages_to_another_input_leave_the_pumps_alone(world: World) -> None:
    before = dict(world.items)

    put(world, message("t1", {"device_id": "d", "temp_c": 4.0}, input_name="telemetry"))

    assert {name: item for name, item in world.items.items() if name in before} == before
