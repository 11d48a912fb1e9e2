"""The running local cloud with the real template deployed by the real SAM CLI: once for a run of the tests."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from coldwatch_ops.accounts import Accounts, read_accounts
from coldwatch_ops.connection import Target, open_stack
from coldwatch_ops.devices.history import Reason
from coldwatch_ops.devices.watching import watch
from coldwatch_ops.stack import Stack
from local import deployment, endpoints, ports, process
from local.places import ROOT, Places
from simulator.api import Claim, Fleet
from tests.side_by_side import LoadCloudScheduling

SETTLES_WITHIN_S = 90.0
AUTHORIZATIONS = "COLDWATCH_AUTHORIZATIONS"
"""Has the cloud write down which statement of which role let a call pass (local/cloud/authorizations.py)."""


@dataclass(frozen=True)
class Cloud:
    """Where everything is. Any client is the root account's: only functions, devices and services are held to IAM."""

    places: Places
    address: dict[str, Any]
    stack_name: str = deployment.STACK_NAME

    def client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.address["endpoint_url"],
            region_name=self.address["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}),
        )

    @cached_property
    def stack(self) -> Stack:
        return open_stack(Target(self.stack_name, self.address["region"], self.address["endpoint_url"], is_local=True))

    def output(self, name: str) -> str:
        return self.stack.output(name)

    @property
    def broker(self) -> str:
        return f"{self.address['mqtt_host']}:{self.address['mqtt_port']}"

    @property
    def ca(self) -> Path:
        return Path(self.address["ca_file"])

    @property
    def root(self) -> Path:
        return ROOT

    def authorizations(self) -> list[dict[str, Any]]:
        """Calls that were allowed to a role: `principal` (the role's name), `action`, and all `sids` that allow it."""
        path = self.places.folder / "authorizations.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def accounts(self) -> Accounts:
        return read_accounts(self.stack)

    def accounts_of_ledger(self) -> Accounts:
        """The ledger alone: it is small, the stores are not."""
        return read_accounts(self.stack, count_stored=False, count_archived=False)

    def allow(self, *serials: str, application: str, fleet: str = "test", device_type: str = "fridge") -> None:
        table = self.stack.table("AllowedSerialTableName")
        for serial in serials:
            table.put_item(
                Item={
                    "serial": serial,
                    "application": application,
                    "fleet_id": fleet,
                    "device_type": device_type,
                    "status": "ALLOWED",
                }
            )

    def claim(self, application: str, *serials: str) -> Claim:
        """A new claim certificate of an application, and the serials to claim with it."""
        iot = self.client("iot")
        made = iot.create_keys_and_certificate(setAsActive=True)
        iot.attach_policy(
            policyName=self.output(f"{application.capitalize()}ClaimPolicyName"), target=made["certificateArn"]
        )
        folder = self.places.folder / "claims" / made["certificateId"][:12]
        folder.mkdir(parents=True)
        (folder / "certificate.pem").write_text(made["certificatePem"])
        (folder / "private.key").write_text(made["keyPair"]["PrivateKey"])
        return Claim(
            self.output(f"{application.capitalize()}ProvisioningTemplateName"),
            folder / "certificate.pem",
            folder / "private.key",
            serials,
        )

    def provision(
        self,
        *serials: str,
        application: str = "coldchain",
        fleet: str = "test",
        device_type: str = "fridge",
        is_watched: bool = False,
    ) -> Fleet:
        """Devices allowed, claimed and ready to publish. Detectors do not watch them unless asked to: most tests let
        their devices fall silent, and nobody should be told of that.
        """
        self.allow(*serials, application=application, fleet=fleet, device_type=device_type)
        made = Fleet.provision(
            endpoint=self.broker,
            ca=self.ca,
            claims=[self.claim(application, *serials)],
            state_dir=self.places.folder / "devices" / self.stack_name / serials[0],
        )
        for thing in made.devices:
            said = Reason("a test", "tests", "tests", time.time_ns() // 1_000_000)
            watch(self.stack, thing, is_watched=is_watched, said=said)
        return made

    def wait_for[T](self, what: str, look: Callable[[], T | None], *, within_s: float = SETTLES_WITHIN_S) -> T:
        """The first true answer of `look`."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.2)
        pytest.fail(f"{what}: not within {within_s:.0f} s\n{process.tail(self.places.log, 40)}")


def pytest_configure() -> None:
    """No test may reach an account: whatever this shell is signed in to is forgotten."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(process.CREDENTIALS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadCloudScheduling:
    return LoadCloudScheduling(config, log)


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Iterator[list[str]]:
    """What a test measured, for a person to read at the end of the run; nothing is asserted on it."""
    told: list[str] = []
    yield told
    for each in told:
        record_property("figure", each)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("", []):
        for name, figure in report.user_properties:
            if name == "figure" and report.when == "teardown":
                terminalreporter.write_line(str(figure))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    where = Places(tmp_path_factory.mktemp("local"))
    deployment.build(where)
    os.environ[AUTHORIZATIONS] = str(where.folder / "authorizations.jsonl")
    running = process.start(where, port=ports.take(0, option=""), mqtt_port=ports.take(0, option=""), keep=False)
    try:
        deployment.deploy(where, running)
        yield Cloud(where, endpoints.write(where, running))
    finally:
        process.stop(where)
