"""The command workflow as Step Functions runs it, and simulated devices that answer over the real broker."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coldwatch.adapters.command_topic import IotCommandTopic
from simulator.api import Act, Fleet, How
from simulator.endpoint import Endpoint
from simulator.identity import Grant, StateFolder
from simulator.message import Kind
from tests.integration.local_cloud.devices import ANYTHING_IN_IOT, Device, client, eventually, unique
from tests.integration.local_cloud.machines import Machines

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

DEFINITION = Path(__file__).parents[3] / "statemachines/command.asl.json"
EXECUTION = "d9ezxgr1kfygfgtdd7hb1maqcw"
EVENT = {"eventName": "command_timed_out", "coldwatch": {"effect_id": "e"}}


@pytest.fixture
def machines(mended_cloud: "MendedCloud", tmp_path: Path) -> Machines:
    return Machines(mended_cloud, tmp_path)


def begin(
    machines: Machines, *, timeout_s: int, attempts: int, gives_up: dict[str, Any] | None = None, fails: str = ""
) -> str:
    text = DEFINITION.read_text()
    functions = {
        "DispatchCommand": machines.function("dispatch", fails=fails),
        "TimeOutCommand": machines.function("time_out", answers=gives_up),
        "OpenIncident": machines.function("open_incident"),
    }
    for name, arn in functions.items():
        text = text.replace(f"${{{name}FunctionArn}}", arn)
    definition: dict[str, Any] = json.loads(text)
    for retry in definition["States"]["Send to device"]["Retry"]:
        retry["BackoffRate"] = 1  # or the test would wait longer than it has to
    given = {"execution_id": EXECUTION, "device_id": "d", "timeout_s": timeout_s, "attempts": attempts}
    return machines.start(definition, given)


def test_an_answer_ends_the_workflow(machines: Machines) -> None:
    execution = begin(machines, timeout_s=30, attempts=2)
    (call,) = eventually(lambda: machines.calls("dispatch"))
    outcome = {"execution_id": EXECUTION, "status": "SUCCEEDED"}

    machines.sfn.send_task_success(taskToken=call["task_token"], output=json.dumps(outcome))

    end = machines.end(execution)
    assert (end["status"], json.loads(end["output"])) == ("SUCCEEDED", outcome)
    assert machines.entered(execution) == ["Begin", "Send to device", "Settled"]
    assert (call["execution_id"], call["attempt"]) == (EXECUTION, 1)


def test_every_attempt_is_made_before_it_is_given_up_and_an_incident_opened(machines: Machines) -> None:
    told = {"execution_id": EXECUTION, "status": "TIMED_OUT", "incident": EVENT}
    execution = begin(machines, timeout_s=1, attempts=2, gives_up=told)

    end = machines.end(execution)

    first, second = machines.calls("dispatch")
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert first["task_token"] != second["task_token"]
    assert second["begun_at"] - first["begun_at"] >= 1_000
    assert machines.calls("time_out") == [{"execution_id": EXECUTION}]
    assert machines.calls("open_incident") == [EVENT]
    assert json.loads(end["output"]) == {"execution_id": EXECUTION, "status": "TIMED_OUT"}
    again = ["Try again?", "Send to device", "Try again?"]
    assert machines.entered(execution) == [
        *("Begin", "Send to device", *again, "Time out", "Does somebody have to know?", "Open an incident", "Settled")
    ]


def test_nobody_is_told_where_nobody_has_to_know(machines: Machines) -> None:
    told = {"execution_id": EXECUTION, "status": "SUCCEEDED", "incident": None}
    execution = begin(machines, timeout_s=1, attempts=1, gives_up=told)

    end = machines.end(execution)

    assert json.loads(end["output"]) == told
    assert machines.calls("open_incident") == []


def test_an_attempt_that_cannot_be_made_is_tried_again_and_does_not_end_the_command(machines: Machines) -> None:
    told = {"execution_id": EXECUTION, "status": "TIMED_OUT", "incident": None}
    execution = begin(machines, timeout_s=20, attempts=1, gives_up=told, fails="AWS is in trouble")

    end = machines.end(execution)

    assert end["status"] == "SUCCEEDED"
    assert len(machines.calls("dispatch")) == 4
    assert "Time out" in machines.entered(execution)


@pytest.fixture
def fleet(mended_cloud: "MendedCloud", tmp_path: Path) -> Iterator[Fleet]:
    """Two devices under a topic prefix, with certificates that may do anything: policies are held elsewhere."""
    with urllib.request.urlopen(f"{mended_cloud.endpoint}/_ministack/iot/ca.pem", timeout=10) as answer:
        (tmp_path / "ca.pem").write_bytes(answer.read())
    iot, policy = client(mended_cloud, "iot"), unique("any")
    iot.create_policy(policyName=policy, policyDocument=json.dumps(ANYTHING_IN_IOT))
    place = Endpoint("localhost", mended_cloud.mqtt_port, tmp_path / "ca.pem")
    for number in (1, 2):
        keep_identity(iot, policy, StateFolder(tmp_path / "keys", place), f"acme-fridge-{number}")
    with Fleet.load(endpoint=f"localhost:{place.port}", ca=place.ca, state_dir=tmp_path / "keys") as made:
        yield made


def keep_identity(iot: Any, policy: str, state: StateFolder, thing: str) -> None:
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=policy, target=made["certificateArn"])
    state.keep_grant(thing, Grant(made["certificatePem"], made["keyPair"]["PrivateKey"], "no ownership to prove"))
    names = {"serial": thing, "thing": thing, "template": "t", "application": "coldchain"}
    state.keep_identity(thing, {**names, "topic_prefix": "x/", "basic_ingest_rule": "r"})


def request(thing: str, command: str = "identify", **changes: Any) -> dict[str, Any]:
    return {
        "execution_id": EXECUTION,
        "device_id": thing,
        "command": command,
        "parameters": {},
        "attempt": 1,
        "issued_at": 0,
        "expires_at": 9_999_999_999_999,
        **changes,
    }


def test_devices_answer_over_the_broker_and_do_a_thing_once(
    mended_cloud: "MendedCloud", fleet: Fleet, tmp_path: Path
) -> None:
    told: list[tuple[str, Act]] = []
    one, two = fleet.devices
    with closing(client(mended_cloud, "iot-data")) as data, Device(mended_cloud, tmp_path) as listener:
        topic = IotCommandTopic(data, "x/")
        listener.subscribe("x/cmd/+/response")
        fleet.listen(how=lambda thing: How.TWICE if thing == two else How.NORMAL, on_act=lambda *act: told.append(act))

        for attempt in (1, 2):
            topic.publish(one, request(one, attempt=attempt), lifetime_s=60)
        topic.publish(two, request(two), lifetime_s=60)

        assert eventually(lambda: len(listener.received) >= 4)
    by_topic = {
        topic: {payload for name, payload in listener.received if name == topic} for topic, _ in listener.received
    }
    assert by_topic.keys() == {f"x/cmd/{one}/response", f"x/cmd/{two}/response"}
    assert all(len(payloads) == 1 for payloads in by_topic.values())
    assert sorted(told) == [(thing, Act(EXECUTION, "identify", {})) for thing in (one, two)]
    assert fleet.acts(one) == (Act(EXECUTION, "identify", {}),)


def test_a_device_that_lost_its_link_listens_again_when_it_is_back(
    mended_cloud: "MendedCloud", fleet: Fleet, tmp_path: Path
) -> None:
    one, _ = fleet.devices
    connection = fleet.devices[one].connection
    with closing(client(mended_cloud, "iot-data")) as data, Device(mended_cloud, tmp_path) as listener:
        topic = IotCommandTopic(data, "x/")
        listener.subscribe("x/cmd/+/response")
        fleet.listen([one])
        connection.drop()
        assert connection.wait_ended(10)
        connection.open()
        connection.wait_open()

        def asks_until_answered() -> bool:
            topic.publish(one, request(one), lifetime_s=60)
            return bool(eventually(lambda: listener.received, 0.5))

        assert eventually(asks_until_answered)


def test_answers_are_not_counted_as_telemetry_but_a_report_that_was_asked_for_is(
    mended_cloud: "MendedCloud", fleet: Fleet, tmp_path: Path
) -> None:
    one, _ = fleet.devices
    with closing(client(mended_cloud, "iot-data")) as data, Device(mended_cloud, tmp_path) as listener:
        topic = IotCommandTopic(data, "x/")
        listener.subscribe("x/#")
        fleet.listen([one])
        summary = fleet.burst(3, devices=1)

        topic.publish(one, request(one, "report_now"), lifetime_s=60)

        assert eventually(lambda: any(name == f"x/cmd/{one}/response" for name, _ in listener.received))
        fleet.devices[one].connection.drain()
    assert summary.by_kind == {"burst": 3}
    telemetry = [payload for name, payload in listener.received if name.endswith("/telemetry")]
    assert (len(telemetry), telemetry[2]) == (4, telemetry[3])
    assert fleet._tally.by_kind == {Kind.BURST: 3, Kind.DUPLICATE: 1}


def test_the_command_line_listens_for_a_while(fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from simulator.command import main  # noqa: PLC0415 - makes a console that writes to what is captured here

    place = ["--endpoint", f"localhost:{fleet.endpoint.port}", "--ca", str(fleet.endpoint.ca)]

    code = main(["listen", *place, "--state", str(tmp_path / "keys"), "--for", "1", "--json", str(tmp_path / "acts")])

    assert (code, json.loads((tmp_path / "acts").read_text())) == (0, {"acts": {}})
    assert "2 devices listen for commands and answer: normal." in capsys.readouterr().out
