"""The runner: one command up, one down, clear sentences, nothing left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import process
from local.errors import StartError
from local.places import ENVIRONMENTS, ROOT, Places
from tests.conftest import Cloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Places]:
    places = Places(tmp_path / "local")
    yield places
    process.stop(places)


def run(where: Places, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=ROOT,
        env={**os.environ, "COLDWATCH_LOCAL_DIR": str(where.folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def start(where: Places, *, keep: bool = False) -> process.Running:
    return process.start(where, port=_free(), mqtt_port=_free(), keep=keep)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_port_in_use_is_told_in_a_sentence_and_nothing_is_left(where: Places) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = run(where, "up", "--port", str(port), "--mqtt-port", "0")

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use by another program" in done.stderr
    assert "Traceback" not in done.stderr
    assert process.running(where) is None


def test_a_second_up_says_that_it_is_already_up(where: Places) -> None:
    cloud = start(where)

    done = run(where, "up")

    assert done.returncode == 1
    assert f"already up at {cloud.endpoint_url}" in done.stderr


def test_down_stops_every_process_and_leaves_no_file_but_logs(where: Places) -> None:
    cloud = start(where)

    done = run(where, "down")

    assert "is down" in done.stdout
    with pytest.raises(ProcessLookupError):
        os.killpg(cloud.pid, 0)
    assert {path.name for path in where.folder.iterdir()} <= {"cloud.log", "deploy.log", "build", "sam-home"}


def test_down_without_a_cloud_is_no_error(where: Places) -> None:
    assert run(where, "down").returncode == 0


def test_a_cloud_that_was_killed_is_cleaned_away_before_the_next_start(where: Places) -> None:
    cloud = start(where)
    os.killpg(cloud.pid, signal.SIGKILL)
    os.waitpid(cloud.pid, 0)

    assert process.running(where) is None
    assert not where.process_file.exists()
    assert start(where).pid != cloud.pid


def test_a_start_that_fails_says_why_and_leaves_nothing_running(where: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_python", lambda: Path(sys.executable))  # it has no MiniStack

    with pytest.raises(StartError, match="ministack"):
        start(where)

    assert process.running(where) is None


def test_everything_listens_on_loopback_only(where: Places) -> None:
    cloud = start(where)

    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()

    addresses = re.findall(r"^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A ", listening, re.MULTILINE)
    ours = [address for address, port in addresses if int(port, 16) in {cloud.port, cloud.mqtt_port}]
    assert ours == ["0100007F", "0100007F"]


def test_state_is_kept_between_runs_when_asked(where: Places) -> None:
    first = start(where, keep=True)
    table = {
        "TableName": "kept",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    client(first).create_table(**table)
    process.stop(where)

    second = start(where, keep=True)
    assert client(second).list_tables()["TableNames"] == ["kept"]
    process.stop(where)
    process.forget(where)

    assert client(start(where)).list_tables()["TableNames"] == []


def client(cloud: process.Running) -> Any:
    return boto3.client("dynamodb", endpoint_url=cloud.endpoint_url, region_name=process.REGION)


def test_an_interrupted_up_leaves_nothing_running(where: Places) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--port", "0", "--mqtt-port", "0"],
        cwd=ROOT,
        env={**os.environ, "COLDWATCH_LOCAL_DIR": str(where.folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not where.process_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    leader = json.loads(where.process_file.read_text())["pid"]
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)

    assert b"nothing is left running" in said
    assert process.running(where) is None
    assert not Path(f"/proc/{leader}").exists()


def test_a_missing_python_is_told_with_the_remedy(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "local/find_python.sh")],
        env={"PATH": "/nowhere", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        pytest.skip("a Python 3.13 stands in a place that is looked at whatever PATH says")
    assert "Coldwatch needs Python 3.13" in done.stderr
    assert "PYTHON=" in done.stderr


@pytest.mark.parametrize("name", ["store_telemetry", "authorize_provisioning", "record_presence"])
def test_the_built_package_imports_with_nothing_but_what_the_lambda_runtime_brings(cloud: Cloud, name: str) -> None:
    build = cloud.places.build / ("".join(word.capitalize() for word in name.split("_")) + "Function")
    program = f"import sys; sys.path.insert(0, '.'); import {name}.handler"
    done = subprocess.run(
        [str(ENVIRONMENTS / "runtime/bin/python"), "-I", "-c", program],
        cwd=build,
        env={"AWS_REGION": "eu-west-1", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (build / "schemas").is_dir()
