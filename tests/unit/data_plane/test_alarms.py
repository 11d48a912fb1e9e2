"""What customers do with alarms, and how alarms are shown."""

from dataclasses import replace
from typing import Any

import pytest

from fire_timers.firing import fire, sweep
from tests.unit.data_plane.builders import WATCHES, ask, pump, put, state_of
from tests.unit.detection.builders import NOW
from tests.unit.detection.fakes import World, firing_ports

HEAT = "pump_heat/p1"


def act(world: World, word: str, *, model: str = "pump_heat", key: str | None = "p1", **more: Any) -> Any:
    entry = {"requestId": "r1", "alarmModelName": model, **({} if key is None else {"keyValue": key}), **more}
    given = ask(world, "POST", f"/alarms/{word}", body={f"{word}ActionRequests": [entry]}, now_ms=NOW + 1_000)
    assert given.status == 202, given.body
    return given.body["errorEntries"]


def describe(world: World, model: str = "pump_heat") -> Any:
    return ask(world, "GET", f"/alarms/{model}/keyValues/", query={"keyValue": "p1"})


@pytest.fixture
def world() -> World:
    """A pump that is too hot."""
    world = World(now_ms=NOW)
    put(world, pump("m1", temperature=90))
    return world


def heard(world: World) -> list[tuple[str, int]]:
    return [(each.event_name, each.occurred_at) for each in world.told if each.detector_model == "pump_heat"]


@pytest.mark.parametrize(
    ("word", "more", "state"),
    [
        ("acknowledge", {}, "ACKNOWLEDGED"),
        ("snooze", {"snoozeDuration": 120}, "SNOOZE_DISABLED"),
        ("disable", {}, "DISABLED"),
        ("enable", {}, "NORMAL"),
        ("reset", {}, "NORMAL"),
    ],
)
def test_an_alarm_does_as_told_and_says_so_once(world: World, word: str, more: dict[str, Any], state: str) -> None:
    assert act(world, word, note="seen", **more) == []

    assert state_of(world, HEAT) == state
    assert heard(world) == [("ACTIVE", NOW), (state, NOW + 1_000)]
    shown = describe(world).body["alarm"]["alarmState"]
    configuration = {"note": "seen", **more}
    assert shown["customerAction"] == {"actionName": word.upper(), f"{word}ActionConfiguration": configuration}


def test_an_alarm_is_described_with_what_it_compared(world: World) -> None:
    assert describe(world).body["alarm"] == {
        "alarmModelName": "pump_heat",
        "keyValue": "p1",
        "alarmModelVersion": "1",
        "alarmState": {
            "stateName": "ACTIVE",
            "ruleEvaluation": {
                "simpleRuleEvaluation": {
                    "inputPropertyValue": "90",
                    "operator": "GREATER",
                    "thresholdValue": "80",
                }
            },
        },
        "severity": 3,
        "creationTime": NOW / 1000,
        "lastUpdateTime": NOW / 1000,
    }
    assert describe(world, "pump_cold").body["alarm"]["alarmState"] == {"stateName": "DISABLED"}
    assert "severity" not in describe(world, "pump_cold").body["alarm"]


def test_an_alarm_that_begins_disabled_can_be_enabled_from_its_first_message_on(world: World) -> None:
    assert act(world, "enable", model="pump_cold") == []

    put(world, pump("m2", temperature=1), now_ms=NOW + 2_000)

    assert state_of(world, "pump_cold/p1") == "ACTIVE"


def test_a_snooze_ends_by_itself_and_says_so(world: World) -> None:
    act(world, "snooze", snoozeDuration=60)
    world.now_ms = NOW + 61_000 + 3_000
    ports = replace(firing_ports(world), watches=WATCHES)

    sweep(ports, now_ms=world.now_ms)
    fire([wake for _, wake in world.wakes], ports, now_ms=world.now_ms)

    assert state_of(world, HEAT) == "NORMAL"
    assert heard(world)[-1] == ("NORMAL", NOW + 61_000)
    event = {"eventType": "STATE_CHANGE", "stateChangeConfiguration": {"triggerType": "SNOOZE_TIMEOUT"}}
    assert describe(world).body["alarm"]["alarmState"]["systemEvent"] == event


@pytest.mark.parametrize(
    ("word", "more", "code", "told"),
    [
        ("acknowledge", {"model": "pump_cold"}, "InvalidRequestException", "no acknowledge flow"),
        ("snooze", {"snoozeDuration": 0}, "InvalidRequestException", "31,622,400"),
        ("enable", {"key": "p9"}, "ResourceNotFoundException", "p9 not found"),
        ("enable", {"key": None}, "InvalidRequestException", "keyValue is missing"),
        ("reset", {"model": "pump_pressure"}, "ResourceNotFoundException", "Alarm model of name: pump_pressure"),
        ("disable", {"model": "nope"}, "ResourceNotFoundException", "Alarm model of name: nope"),
    ],
)
def test_what_an_alarm_cannot_do_is_told_and_changes_nothing(
    world: World, word: str, more: dict[str, Any], code: str, told: str
) -> None:
    before = dict(world.items)

    (failed,) = act(world, word, **more)

    assert (failed["requestId"], failed["errorCode"]) == ("r1", code)
    assert told in failed["errorMessage"]
    assert world.items == before


def test_an_alarm_that_is_acknowledged_already_is_refused_and_stays_so(world: World) -> None:
    act(world, "acknowledge")

    (failed,) = act(world, "acknowledge")

    assert "it is ACKNOWLEDGED" in failed["errorMessage"]
    assert heard(world) == [("ACTIVE", NOW), ("ACKNOWLEDGED", NOW + 1_000)]


def test_alarms_are_listed_with_their_states() -> None:
    world = World()
    for n in range(3):
        put(world, pump(f"m{n}", pump=f"p{n}", temperature=90 if n == 1 else 20))

    first = ask(world, "GET", "/alarms/pump_heat", query={"maxResults": "2"}).body
    second = ask(world, "GET", "/alarms/pump_heat", query={"nextToken": first["nextToken"]}).body

    listed = [*first["alarmSummaries"], *second["alarmSummaries"]]
    assert [(each["keyValue"], each["stateName"]) for each in listed] == [
        ("p0", "NORMAL"),
        ("p1", "ACTIVE"),
        ("p2", "NORMAL"),
    ]
    assert "nextToken" not in second
