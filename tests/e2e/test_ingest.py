"""The path of a message through the real thing: MQTT with TLS, topic rule, stream, function, stores, archive."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coldwatch_ops.accounts import Accounts
from coldwatch_ops.main import main as coldwatch
from local.places import ROOT
from simulator.api import MACHINE_TEMPERATURE, Fleet, Result, attack, load_recording, load_scenario
from simulator.connection import Publication
from simulator.message import Kind
from tests.conftest import Cloud
from tests.e2e.killing import killing

pytestmark = pytest.mark.cloud

FIXTURES = ROOT / "tests/fixtures/bad_input"
BAD_INPUT = json.loads((FIXTURES / "index.json").read_text())
QUARANTINED = [case for case in BAD_INPUT if case["expected"] == "quarantined"]
REFUSED = [case for case in BAD_INPUT if case["expected"] == "refused"]


class Books:
    """What was published since, and that the accounts agree with it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._before = cloud.accounts_of_ledger()

    def balance(self, published: int, *, within_s: float = 90.0) -> Accounts:
        """Wait until all is judged; then the identities of ingest must hold, for everything ever published here."""
        self._cloud.wait_for(f"{published} messages judged", lambda: self._judged() >= published, within_s=within_s)
        self._cloud.wait_for("the archive has all that was accepted", self._is_archived, within_s=60)
        accounts = self._cloud.accounts()
        assert self._judged() == published
        assert accounts.stored == accounts.accepted
        assert accounts.archived == accounts.accepted
        return Accounts(
            accounts.accepted - self._before.accepted,
            accounts.duplicates - self._before.duplicates,
            accounts.quarantined - self._before.quarantined,
            accounts.conflicts - self._before.conflicts,
        )

    def _judged(self) -> int:
        return self._cloud.accounts_of_ledger().published - self._before.published

    def _is_archived(self) -> bool:
        accounts = self._cloud.accounts()
        return accounts.archived == accounts.accepted


def publish(fleet: Fleet, payloads: list[bytes], *, thing: str | None = None) -> None:
    device = fleet.devices[thing or next(iter(fleet.devices))]
    fleet.open([device.identity.thing])
    for payload in payloads:
        device.connection.publish(Publication(device.topic, payload, Kind.LIVE))
    device.connection.drain()


def reading(device: str, seq: int, **changes: Any) -> bytes:
    body = {"device_id": device, "timestamp": 1_767_225_600_000 + seq, "seq": seq, "temp_c": 4.5}
    body |= {"humidity_pct": 40.0, "shock_g": 0.0, "battery_pct": 90.0}
    return json.dumps(body | changes).encode()


@pytest.fixture(scope="module")
def acme(cloud: Cloud) -> Iterator[Fleet]:
    """The device that the files of bad input are from."""
    with cloud.provision("0001", application="coldchain", fleet="acme", device_type="fridge") as fleet:
        assert list(fleet.devices) == ["acme-fridge-0001"]
        yield fleet


@pytest.fixture(scope="module")
def acme_factory(cloud: Cloud) -> Iterator[Fleet]:
    with cloud.provision("0002", application="factory", fleet="acme", device_type="machine") as fleet:
        yield fleet


def test_bad_input_is_kept_whole_with_its_reason_and_harms_no_neighbour(
    cloud: Cloud, acme: Fleet, acme_factory: Fleet
) -> None:
    books = Books(cloud)
    published = 0
    for number, case in enumerate(QUARANTINED):
        fleet = acme if case["application"] == "coldchain" else acme_factory
        thing = next(iter(fleet.devices))
        neighbours = [reading(thing, 10 * number + 1), reading(thing, 10 * number + 2)]
        if fleet is acme_factory:
            neighbours = [
                json.dumps(
                    {
                        "device_id": thing,
                        "sensor_type": "pressure",
                        "value": 2.5,
                        "timestamp": 1_767_225_600_000,
                        "seq": n,
                    }
                ).encode()
                for n in (10 * number + 1, 10 * number + 2)
            ]
        publish(fleet, [neighbours[0], (FIXTURES / case["file"]).read_bytes(), neighbours[1]])
        published += 3

    seen = books.balance(published)

    assert seen == Accounts(accepted=2 * len(QUARANTINED), duplicates=0, quarantined=len(QUARANTINED), conflicts=0)
    kept = quarantined_since(cloud, len(QUARANTINED))
    assert sorted(entry["reason"] for entry in kept) == sorted(case["reason"] for case in QUARANTINED)
    assert sorted(bytes_of(cloud, entry) for entry in kept) == sorted(
        (FIXTURES / case["file"]).read_bytes() for case in QUARANTINED
    )
    assert all(len(entry["detail"]) > 15 for entry in kept)


def quarantined_since(cloud: Cloud, number: int) -> list[dict[str, Any]]:
    """The newest entries of the quarantine."""
    found: list[dict[str, Any]] = cloud.stack.table("QuarantineTableName").scan(ConsistentRead=True)["Items"]
    acme = [entry for entry in found if str(entry["thing"]).startswith("acme-")]
    return sorted(acme, key=lambda entry: int(entry["received_at"]))[-number:]


def bytes_of(cloud: Cloud, entry: dict[str, Any]) -> bytes:
    found = cloud.client("s3").get_object(Bucket=cloud.output("QuarantineBucketName"), Key=entry["s3_key"])
    return bytes(found["Body"].read())


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
def test_what_the_broker_refuses_reaches_nothing(cloud: Cloud, acme: Fleet, case: dict[str, Any]) -> None:
    before = cloud.accounts_of_ledger()
    device = next(iter(acme.devices.values()))
    outcomes = {outcome.attempt: outcome for outcome in attack_of_one(cloud)}
    name = "oversized_200_kb" if case["name"] == "large_200_kib" else case["name"]
    assert outcomes[name].result is Result.REFUSED
    assert device.identity.thing not in outcomes[name].how
    assert cloud.accounts_of_ledger().accepted == before.accepted


_outcomes: list[Any] = []


def attack_of_one(cloud: Cloud) -> list[Any]:
    """The whole attack, made once."""
    if not _outcomes:
        serials = ("RAID1", "RAID2")
        with cloud.provision(*serials) as fleet:
            _outcomes.extend(attack(fleet, claim=cloud.claim("coldchain", *serials)))
            time.sleep(2)
    return _outcomes


def test_no_attack_gets_through(cloud: Cloud) -> None:
    outcomes = attack_of_one(cloud)
    assert [outcome.attempt for outcome in outcomes if outcome.result is Result.ALLOWED] == []
    refused = {outcome.attempt for outcome in outcomes if outcome.result is Result.REFUSED}
    assert {
        "spoofed_topic",
        "spoofed_basic_ingest",
        "connect_as_other",
        "hear_other_commands",
        "hear_all_commands",
        "claim_again",
        "connect_with_claim",
        "telemetry_with_claim",
    } <= refused


def test_duplicates_conflicts_late_and_reordered_readings_are_all_accounted_for(cloud: Cloud) -> None:
    books = Books(cloud)
    with cloud.provision("MIX1", "MIX2") as fleet:
        one, other = fleet.devices
        first = [reading(one, seq) for seq in range(100)]
        publish(fleet, [*first, *reversed(first[:40])], thing=one)
        late = [reading(other, seq, timestamp=1_500_000_000_000 + seq) for seq in reversed(range(50))]
        publish(fleet, [*late, reading(other, 0, timestamp=1_500_000_000_000, temp_c=9.9)], thing=other)

    seen = books.balance(191)

    assert seen == Accounts(accepted=151, duplicates=40, quarantined=0, conflicts=1)


def test_a_message_becomes_acceptable_and_is_redriven(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    books = Books(cloud)
    with cloud.provision("GATE1", device_type="gateway") as fleet:
        gateway = next(iter(fleet.devices))
        publish(fleet, [reading("test-probe-1", 1), reading(gateway, 2)])
        assert books.balance(2) == Accounts(accepted=1, duplicates=0, quarantined=1, conflicts=0)

        run(cloud, "devices", "adopt", "test-probe-1", "--gateway", gateway, "--type", "fridge")
        time.sleep(1)
        run(cloud, "quarantine", "redrive", "--reason", "identity_mismatch", "--yes")
        cloud.wait_for("the redriven reading", lambda: cloud.accounts_of_ledger().quarantined == _open(cloud))
        cloud.wait_for("released", lambda: released(cloud, gateway))

        run(cloud, "quarantine", "redrive", "--reason", "identity_mismatch", "--yes")
        assert books.balance(2) == Accounts(accepted=2, duplicates=0, quarantined=0, conflicts=0)
    capsys.readouterr()


def released(cloud: Cloud, thing: str) -> bool:
    found = cloud.stack.table("QuarantineTableName").scan(ConsistentRead=True)["Items"]
    return [entry["status"] for entry in found if entry["thing"] == thing] == ["RELEASED"]


def _open(cloud: Cloud) -> int:
    found = cloud.stack.table("QuarantineTableName").scan(ConsistentRead=True)["Items"]
    return sum(entry["status"] == "OPEN" for entry in found)


def run(cloud: Cloud, *words: str) -> None:
    options = ["--stack", cloud.stack_name, "--region", cloud.address["region"]]
    assert coldwatch([*options, "--endpoint-url", cloud.address["endpoint_url"], *words]) == 0


def test_a_killed_function_loses_nothing_and_doubles_nothing(cloud: Cloud) -> None:
    books = Books(cloud)
    with cloud.provision("KILL1", "KILL2", "KILL3") as fleet, killing(cloud, "StoreTelemetryFunction") as kills:
        summary = fleet.burst(4000)

        books.balance(summary.published, within_s=150)

    assert summary.published == 4000
    assert len(kills) >= 3


def test_presence_is_recorded_for_devices(cloud: Cloud) -> None:
    table = cloud.stack.table("DeviceTableName")

    def connected(thing: str) -> Callable[[], str]:
        return lambda: str(table.get_item(Key={"device_id": thing}, ConsistentRead=True)["Item"].get("connected"))

    with cloud.provision("PRES1") as fleet:
        thing = next(iter(fleet.devices))
        fleet.open()
        cloud.wait_for("connected", lambda: connected(thing)() == "True", within_s=20)
    cloud.wait_for("disconnected", lambda: connected(thing)() == "False", within_s=20)


def test_the_latest_reading_of_a_device_is_the_newest_by_its_own_clock(cloud: Cloud) -> None:
    books = Books(cloud)
    with cloud.provision("LAST1") as fleet:
        thing = next(iter(fleet.devices))
        publish(fleet, [reading(thing, 5, temp_c=5.5), reading(thing, 9, temp_c=9.5), reading(thing, 7, temp_c=7.5)])
        books.balance(3)
        publish(fleet, [reading(thing, 8, temp_c=8.5)])
        books.balance(4)
    latest = cloud.stack.table("LatestTableName").get_item(Key={"device_id": thing, "sensor": "-"})["Item"]
    assert float(str(latest["temp_c"])) == 9.5


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_whole_recording_is_stored_and_archived(cloud: Cloud, figures: list[str]) -> None:
    books = Books(cloud)
    recorded = load_recording(MACHINE_TEMPERATURE)
    with cloud.provision("NAB1", application="factory", device_type="machine") as fleet:
        began = time.monotonic()
        summary = fleet.replay(recorded, unit="degC")
        published_s = time.monotonic() - began
        seen = books.balance(22_695, within_s=240)
        archived_s = time.monotonic() - began
    figures.append(f"22,695 recorded readings: published in {published_s:.1f} s, archived after {archived_s:.1f} s")
    assert summary.published == 22_695
    assert seen == Accounts(accepted=22_695, duplicates=0, quarantined=0, conflicts=0)


def test_a_scenario_with_lost_links_duplicates_and_reordering_balances(cloud: Cloud, tmp_path: Path) -> None:
    play = json.loads((ROOT / "simulator/scenarios/demo.json").read_text())
    play |= {"duration_s": 1500, "acceleration": 150}
    play["devices"] = [{"fleet": "play", "type": "reefer", "count": 3}]
    play["events"] = [
        {"at_s": 0, "kind": "duplicates", "devices": ["play-reefer-1"], "rate": 0.3},
        {"at_s": 0, "kind": "reordering", "devices": ["play-reefer-2"], "rate": 0.3},
        {"at_s": 300, "kind": "link_loss", "devices": ["play-reefer-3"], "for_s": 600},
    ]
    (tmp_path / "play.json").write_text(json.dumps(play))
    books = Books(cloud)
    with cloud.provision("P1", "P2", "P3", fleet="play", device_type="reefer") as fleet:
        summary = fleet.run(load_scenario(tmp_path / "play.json"))

    seen = books.balance(summary.published)

    assert seen.duplicates == summary.by_kind["duplicate"] > 0
    assert summary.by_kind["buffered"] > 0
    assert summary.by_kind["reordered"] > 0
    assert seen.quarantined == 0
