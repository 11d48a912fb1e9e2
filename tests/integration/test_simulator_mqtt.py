"""The simulator against the real broker of the local cloud: claims, acknowledgements, lost links, attacks."""

import json
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from simulator import recording, scenario, timeline
from simulator.api import BrokerError, Fleet, FleetError, Identity, Result, attack
from simulator.claim import Claimant
from simulator.endpoint import Endpoint
from simulator.identity import StateFolder
from simulator.message import Transmission
from simulator.network import Network
from simulator.recording import Recording
from simulator.scenario import Scenario
from tests.conftest import Cloud

pytestmark = pytest.mark.cloud

SERIALS = ("SIM1", "SIM2", "SIM3")


@pytest.fixture(scope="module")
def fleet(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three fridges and a machine."""
    cloud.allow(*SERIALS, application="coldchain", fleet="sim")
    cloud.allow("SIM4", application="factory", fleet="sim", device_type="machine")
    state = tmp_path_factory.mktemp("devices")
    claims = [cloud.claim("coldchain", *SERIALS), cloud.claim("factory", "SIM4")]
    with Fleet.provision(endpoint=cloud.broker, ca=cloud.ca, claims=claims, state_dir=state) as made:
        yield made


def story(*events: dict[str, Any]) -> Scenario:
    document = {
        "about": "a test",
        "seed": 3,
        "duration_s": 600,
        "acceleration": 300,
        "reporting_period_s": 5,
        "devices": [{"fleet": "sim", "type": "fridge", "count": 3}],
        "events": [{"devices": ["sim-fridge-1"], **event} for event in events],
    }
    return scenario.parse(document, name="test")


def test_a_claimed_device_knows_where_to_publish_and_keeps_its_key_to_itself(fleet: Fleet) -> None:
    device = fleet.devices["sim-fridge-SIM1"]
    machine = fleet.devices["sim-machine-SIM4"]

    assert device.topic == "dt/coldchain/sim-fridge-SIM1/telemetry"
    assert machine.topic == "$aws/rules/coldwatch_factory_telemetry/dt/factory/sim-machine-SIM4/telemetry"
    assert stat.S_IMODE(device.identity.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(device.identity.key.parent.stat().st_mode) == 0o700


def test_a_device_whose_keys_are_kept_is_not_claimed_again(cloud: Cloud, fleet: Fleet) -> None:
    state = fleet.devices["sim-fridge-SIM1"].identity.key.parents[1]
    claimed: list[Identity] = []

    with Fleet.provision(
        endpoint=cloud.broker,
        ca=cloud.ca,
        claims=[cloud.claim("coldchain", *SERIALS)],
        state_dir=state,
        on_provisioned=claimed.append,
    ) as again:
        assert list(again.devices) == ["sim-fridge-SIM1", "sim-fridge-SIM2", "sim-fridge-SIM3"]
    assert claimed == []


def test_every_serial_that_is_not_granted_is_named(cloud: Cloud, tmp_path: Path) -> None:
    cloud.allow("SIM10", application="coldchain", fleet="sim")

    with pytest.raises(FleetError) as caught:
        Fleet.provision(
            endpoint=cloud.broker,
            ca=cloud.ca,
            claims=[cloud.claim("coldchain", "STRANGER1", "SIM10", "STRANGER2")],
            state_dir=tmp_path,
        )

    assert "2 of 3 devices were not provisioned" in str(caught.value)
    assert "The claim for serial STRANGER1 was rejected: Access Denied (AccessDenied)." in str(caught.value)
    assert "STRANGER2" in str(caught.value)


def test_a_claim_that_broke_off_is_finished_with_the_certificate_it_was_given(cloud: Cloud, tmp_path: Path) -> None:
    cloud.allow("SIM11", application="coldchain", fleet="sim")
    claim = cloud.claim("coldchain", "SIM11")
    place = Endpoint.parse(cloud.broker, cloud.ca)
    state = StateFolder(tmp_path, place)
    with closing(Network()) as network, Claimant(network, place, claim, client_id="claim-broken-off") as claimant:
        given = claimant.create("SIM11")
        state.keep_grant("SIM11", given)

    Fleet.provision(endpoint=cloud.broker, ca=cloud.ca, claims=[claim], state_dir=tmp_path).close()

    identity = state.identity("SIM11")
    assert identity is not None
    assert identity.certificate.read_text() == given.certificate_pem
    assert state.grant("SIM11") is None


def test_a_whole_scenario_is_acknowledged_to_the_last_message(fleet: Fleet) -> None:
    told = story(
        {"at_s": 100, "kind": "link_loss", "for_s": 200},
        {"at_s": 0, "kind": "duplicates", "rate": 0.3},
        {"at_s": 0, "kind": "reordering", "rate": 0.3, "devices": ["sim-fridge-2"]},
    )
    things = {planned.label: planned.label for planned in told.devices}
    planned = [step for step in timeline.steps(told, things, 0) if isinstance(step, Transmission)]

    summary = fleet.run(told)

    assert summary.published == len(planned)
    assert summary.refused == 0
    assert summary.by_kind["buffered"] == sum(step.kind == "buffered" for step in planned) > 30
    assert summary.by_kind["duplicate"] == sum(step.kind == "duplicate" for step in planned) > 20


def test_a_recording_goes_through_a_machine_and_comes_back_acknowledged(fleet: Fleet) -> None:
    whole = recording.load(recording.MACHINE_TEMPERATURE)

    summary = fleet.replay(Recording(whole.name, whole.rows[:1000]))

    assert summary.by_device == {"sim-machine-SIM4": 1000}
    assert summary.by_kind == {"recorded": 1000}


def test_a_burst_is_divided_among_the_devices(fleet: Fleet) -> None:
    summary = fleet.burst(1000)

    assert summary.by_device == dict.fromkeys(sorted(fleet.devices), 250)


def test_an_attack_gets_nothing_and_disturbs_nobody(cloud: Cloud, fleet: Fleet) -> None:
    fleet.open()

    outcomes = attack(fleet, claim=cloud.claim("coldchain"))

    results = {outcome.attempt: outcome.result for outcome in outcomes}
    others = [device for thing, device in fleet.devices.items() if thing != "sim-fridge-SIM1"]
    assert [each for each in outcomes if each.result is Result.ALLOWED] == []
    assert {name for name, result in results.items() if result is Result.REFUSED} == {
        "unknown_application",
        "oversized_200_kb",
        "spoofed_topic",
        "spoofed_basic_ingest",
        "connect_as_other",
        "hear_other_commands",
        "hear_all_commands",
        "claim_again",
        "connect_with_claim",
        "telemetry_with_claim",
    }
    assert all(device.connection.is_open and device.connection.times_opened == 1 for device in others[2:])
    assert fleet.burst(40).published == 40


class Cable:
    """Carries bytes to the broker and back, until it is cut; then carries them for the next connection."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._ends: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in (self._server, *self._ends):
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._carry, args=(one, other)))
                    self._threads[-1].start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while carried := one.recv(65536):
                other.sendall(carried)
            other.shutdown(socket.SHUT_RDWR)


def test_a_connection_that_is_cut_comes_back_and_every_message_is_acknowledged_once(cloud: Cloud, fleet: Fleet) -> None:
    identity = fleet.devices["sim-fridge-SIM2"].identity
    fleet.devices[identity.thing].connection.close()
    with closing(Cable(int(cloud.address["mqtt_port"]))) as cable:
        place = Endpoint.parse(f"localhost:{cable.port}", cloud.ca)
        with Fleet(place, [identity]) as reached:
            cuts = iter([500, 2500])
            following = next(cuts)

            def cut_now_and_then(published: int) -> None:
                nonlocal following
                if published >= following:
                    cable.cut()
                    following = next(cuts, 1_000_000)

            summary = reached.burst(8000, on_progress=cut_now_and_then)
            opened = reached.devices[identity.thing].connection.times_opened

    assert opened > 1
    assert summary.published == 8000
    assert summary.refused == 0


def test_a_device_that_the_broker_does_not_know_is_told_so(cloud: Cloud, fleet: Fleet) -> None:
    known = fleet.devices["sim-fridge-SIM3"].identity
    stranger = Identity(
        **{name: getattr(known, name) for name in ("serial", "template", "application", "topic_prefix")},
        basic_ingest_rule=known.basic_ingest_rule,
        thing="sim-fridge-NOBODY",
        certificate=known.certificate,
        key=known.key,
    )

    with Fleet(Endpoint.parse(cloud.broker, cloud.ca), [stranger]) as strangers:
        connection = strangers.devices[stranger.thing].connection
        connection.open()

        with pytest.raises(BrokerError, match=r"NOBODY cannot connect to .*: the broker closed the connection without"):
            connection.wait_open(timeout_s=2)


def test_the_command_line_runs_on_the_devices_of_a_folder(
    cloud: Cloud, fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from simulator.command import main  # noqa: PLC0415 - makes a console that writes to what is captured here

    state = fleet.devices["sim-fridge-SIM1"].identity.key.parents[1]
    for device in fleet.devices.values():
        device.connection.close()
    place = ["--endpoint", cloud.broker, "--ca", str(cloud.ca), "--state", str(state)]

    code = main(["burst", *place, "--messages", "100", "--json", str(tmp_path / "summary.json")])

    document = json.loads((tmp_path / "summary.json").read_text())
    assert code == 0
    assert document["published"] == 100
    assert "messages a second" in capsys.readouterr().out
    assert len(list(islice(document["by_device"], 10))) == 4
