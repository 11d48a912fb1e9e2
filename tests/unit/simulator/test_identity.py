import stat
from pathlib import Path

import pytest

from simulator.endpoint import Endpoint
from simulator.errors import BrokerError, FleetError
from simulator.identity import Grant, StateFolder

GRANT = Grant("certificate", "key", "token")
TOLD = {
    "serial": "SN1",
    "thing": "north-fridge-SN-1",
    "template": "coldwatch_coldchain",
    "application": "coldchain",
    "topic_prefix": "blue/",
    "basic_ingest_rule": "blue_coldwatch_coldchain_telemetry",
}


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    ca = tmp_path / "ca.pem"
    ca.write_text("an authority")
    return Endpoint.parse("localhost:8883", ca)


@pytest.fixture
def state(tmp_path: Path, endpoint: Endpoint) -> StateFolder:
    return StateFolder(tmp_path / "devices", endpoint)


def test_an_identity_is_found_again_and_its_key_is_for_its_owner_alone(state: StateFolder) -> None:
    state.keep_grant("SN1", GRANT)
    kept = state.keep_identity("SN1", TOLD)

    assert state.identities() == [kept]
    assert kept.key.read_text() == "key"
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept.key.parent.iterdir()} == {0o600}


def test_an_identity_knows_its_fleet_its_type_and_its_topics(state: StateFolder) -> None:
    state.keep_grant("SN1", GRANT)
    kept = state.keep_identity("SN1", TOLD)

    assert (kept.fleet_id, kept.device_type) == ("north", "fridge")
    assert kept.telemetry_topic == "blue/dt/coldchain/north-fridge-SN-1/telemetry"
    assert kept.basic_ingest_topic == (
        "$aws/rules/blue_coldwatch_coldchain_telemetry/blue/dt/coldchain/north-fridge-SN-1/telemetry"
    )


def test_a_grant_waits_until_it_is_registered(state: StateFolder) -> None:
    state.keep_grant("SN1", GRANT)
    waiting = state.grant("SN1")

    state.keep_identity("SN1", TOLD)

    assert waiting == GRANT
    assert state.grant("SN1") is None


def test_what_another_broker_issued_is_not_seen(state: StateFolder, endpoint: Endpoint) -> None:
    state.keep_grant("SN1", GRANT)
    state.keep_identity("SN1", TOLD)
    endpoint.ca.write_text("another authority")

    elsewhere = StateFolder(state.path, endpoint)

    assert elsewhere.identities() == []
    assert len(state.identities()) == 1


@pytest.mark.parametrize("serial", ["", "../SN1", ".hidden", "SN 1", "a/b", "x" * 101])
def test_a_serial_cannot_name_a_place_outside_the_folder(state: StateFolder, serial: str) -> None:
    with pytest.raises(FleetError, match="is not a serial"):
        state.keep_grant(serial, GRANT)


def test_a_damaged_file_is_named(state: StateFolder) -> None:
    state.keep_grant("SN1", GRANT)
    kept = state.keep_identity("SN1", TOLD)
    (kept.key.parent / "identity.json").write_text("{")

    with pytest.raises(FleetError, match=r"SN1/identity\.json is damaged"):
        state.identities()


@pytest.mark.parametrize(("address", "port"), [("localhost", 8883), ("localhost:9000", 9000)])
def test_an_endpoint_is_a_host_and_perhaps_a_port(endpoint: Endpoint, address: str, port: int) -> None:
    assert Endpoint.parse(address, endpoint.ca).port == port


@pytest.mark.parametrize("address", ["", ":8883", "localhost:mqtt"])
def test_what_is_not_an_endpoint_is_refused_in_a_sentence(endpoint: Endpoint, address: str) -> None:
    with pytest.raises(BrokerError, match="give host:port, such as localhost:8883"):
        Endpoint.parse(address, endpoint.ca)


def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"no certificate authority file .*ca\.pem"):
        Endpoint.parse("localhost", tmp_path / "ca.pem")
