import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simulator import scenario, timeline
from simulator.answering import DEFROST_S, LATE_S, Act, Heard, Memory, hear
from simulator.errors import ScenarioError
from simulator.message import Announcement
from simulator.scenario import How

NOW = 1_767_225_600_000
THING = "acme-fridge-0001"
SCHEMAS = Path(__file__).parents[3] / "schemas"


def request(**changes: Any) -> bytes:
    document = {
        "execution_id": "d9ezxgr1kfygfgtdd7hb1maqcw",
        "device_id": THING,
        "command": "set_point",
        "parameters": {"celsius": 4.5},
        "attempt": 1,
        "issued_at": NOW,
        "expires_at": NOW + 60_000,
    }
    return json.dumps(document | changes).encode()


def asked(payload: bytes, how: How = How.NORMAL, *, memory: Memory | None = None, now_ms: int = NOW) -> Heard:
    return hear(memory or Memory(), payload, thing=THING, how=how, now_ms=now_ms)


def said(heard: Heard) -> list[tuple[float, str, str]]:
    documents = [(answer.delay_s, json.loads(answer.payload)) for answer in heard.answers]
    return [(delay_s, each["status"], each["status_reason"]["reason_code"]) for delay_s, each in documents]


def test_what_it_is_told_it_does_and_says_so() -> None:
    heard = asked(request())

    assert said(heard) == [(0, "SUCCEEDED", "DONE")]
    assert json.loads(heard.answers[0].payload)["result"] == {"celsius": 4.5}
    assert heard.act == Act("d9ezxgr1kfygfgtdd7hb1maqcw", "set_point", {"celsius": 4.5})
    assert heard.memory.acts == (heard.act,)


def test_asked_again_it_answers_the_same_and_does_nothing() -> None:
    first = asked(request())

    again = asked(request(attempt=2), memory=first.memory, now_ms=NOW + 31_000)

    assert [each.payload for each in again.answers] == [each.payload for each in first.answers]
    assert again.act is None
    assert again.memory == first.memory


def test_asked_again_after_the_end_it_still_says_what_it_did() -> None:
    first = asked(request())

    again = asked(request(), memory=first.memory, now_ms=NOW + 99_000)

    assert said(again) == [(0, "SUCCEEDED", "DONE")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires_at": NOW}, "EXPIRED"),
        ({"command": "self_destruct"}, "UNKNOWN_COMMAND"),
        ({"parameters": {}}, "INVALID_PARAMETERS"),
        ({"parameters": {"celsius": "warm"}}, "INVALID_PARAMETERS"),
        ({"parameters": {"celsius": 1000}}, "INVALID_PARAMETERS"),
        ({"device_id": "acme-fridge-0002"}, "UNKNOWN_DEVICE"),
    ],
)
def test_what_it_cannot_do_it_rejects_with_the_reason_and_for_good(change: dict[str, Any], code: str) -> None:
    heard = asked(request(**change))
    again = asked(request(), memory=heard.memory)

    assert said(heard) == said(again) == [(0, "REJECTED", code)]
    assert heard.act is again.act is None


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", b"\xff", request(expires_at="soon"), request(parameters=[])])
def test_what_is_no_request_is_not_answered(payload: bytes) -> None:
    assert asked(payload) == Heard(Memory())


@pytest.mark.parametrize(
    ("how", "answers", "acts"),
    [
        (How.NORMAL, [(0, "SUCCEEDED", "DONE")], 1),
        (How.LATE, [(60 + LATE_S, "SUCCEEDED", "DONE")], 1),
        (How.TWICE, [(0, "SUCCEEDED", "DONE")] * 2, 1),
        (How.REJECTED, [(0, "REJECTED", "LOCAL_CONTROL")], 0),
        (How.FAILED, [(0, "FAILED", "ACTUATOR_FAULT")], 0),
        (How.NEVER, [], 0),
    ],
)
def test_a_device_answers_as_it_is_told_to(how: How, answers: list[tuple[float, str, str]], acts: int) -> None:
    heard = asked(request(), how)

    assert said(heard) == answers
    assert len(heard.memory.acts) == acts


def test_what_takes_time_is_begun_at_once_and_done_later() -> None:
    first = asked(request(command="defrost", parameters={}))
    again = asked(request(command="defrost", parameters={}), memory=first.memory)

    assert said(first) == [(0, "IN_PROGRESS", "STARTED"), (DEFROST_S, "SUCCEEDED", "DONE")]
    assert again.answers[-1].payload == first.answers[-1].payload


@pytest.mark.parametrize("command", ["set_point", "defrost", "report_now", "identify", "self_destruct"])
@pytest.mark.parametrize("how", list(How))
def test_every_answer_fits_the_schema(command: str, how: How) -> None:
    validator = Draft202012Validator(json.loads((SCHEMAS / "command_response.schema.json").read_text()))

    for answer in asked(request(command=command), how).answers:
        validator.validate(json.loads(answer.payload))


STORY: dict[str, Any] = {
    "about": "a test",
    "seed": 1,
    "duration_s": 60,
    "reporting_period_s": 10,
    "devices": [{"fleet": "north", "type": "fridge", "count": 2}, {"fleet": "plant", "type": "machine", "count": 1}],
    "events": [
        {"at_s": 10, "kind": "answers", "devices": ["north-fridge-1"], "how": "never", "for_s": 20},
        {"at_s": 20, "kind": "answers", "devices": ["north-fridge-1", "plant-*"], "how": "twice"},
    ],
}


@pytest.mark.parametrize(
    ("label", "at_s", "how"),
    [
        ("north-fridge-1", 9, How.NORMAL),
        ("north-fridge-1", 10, How.NEVER),
        ("north-fridge-1", 20, How.TWICE),
        ("north-fridge-2", 20, How.NORMAL),
        ("plant-machine-1", 60, How.TWICE),
    ],
)
def test_the_last_event_that_is_on_says_how_a_device_answers(label: str, at_s: float, how: How) -> None:
    assert scenario.parse(STORY, name="test").how_answers(label, at_s) is how


def test_how_devices_answer_is_told_and_changes_no_telemetry() -> None:
    told, plain = (scenario.parse(story, name="test") for story in (STORY, STORY | {"events": []}))
    things = {planned.label: planned.label for planned in told.devices}

    announced = [step for step in timeline.steps(told, things, 0) if isinstance(step, Announcement)]
    sent = [step for step in timeline.steps(told, things, 0) if not isinstance(step, Announcement)]

    assert [(step.at_s, step.text) for step in announced] == [
        (10, "answers commands: never"),
        (20, "answers commands: twice"),
        (30, "answers commands as it should"),
    ]
    assert sent == list(timeline.steps(plain, things, 0))


def test_an_unknown_way_to_answer_is_a_fault() -> None:
    events = [{"at_s": 1, "kind": "answers", "devices": ["north-*"], "how": "politely"}]

    with pytest.raises(ScenarioError, match="'politely' is not one of normal, late, twice, rejected"):
        scenario.parse(STORY | {"events": events}, name="test")


def test_the_schema_names_every_way_to_answer() -> None:
    document = json.loads((scenario.SCENARIOS / "scenario.schema.json").read_text())
    (way,) = [
        rule["then"]["properties"]["how"]["enum"]
        for rule in document["$defs"]["event"]["allOf"]
        if "how" in rule["then"].get("properties", {})
    ]

    assert way == list(How)
