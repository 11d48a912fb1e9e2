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


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_what_is_no_port_is_told_in_a_sentence(where: Places, port: str) -> None:
    done = run(where, "up", "--port", port)

    assert done.returncode == 1
    assert f"{port} is no port: give --port a number" in done.stderr


def test_a_second_up_says_that_it_is_already_up(where: Places) -> None:
    cloud = start(where)

    done = run(where, "up")

    assert done.returncode == 1
    assert f"already up at {cloud.endpoint_url}" in done.stderr


def test_down_stops_every_process_and_leaves_no_file_but_logs(where: Places) -> None:
    cloud = start(where)

    done = run(where, "down")

    assert "is down" in done.stdout
    os.waitpid(cloud.pid, 0)  # this process is its parent; the dead one would be found until it is asked after
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

    with pytest.raises(StartError, match="cannot be imported"):
        start(where)

    assert process.running(where) is None


def test_everything_listens_on_loopback_only(where: Places) -> None:
    cloud = start(where)

    assert _listening(cloud.pid) == {("0100007F", cloud.port), ("0100007F", cloud.mqtt_port)}


def _listening(group: int) -> set[tuple[str, int]]:
    """Address in hexadecimal, and port, of every listening socket that a process of the group holds."""
    sockets = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    found = re.findall(r"^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A (?:\S+\s+){5}(\d+)", sockets, re.MULTILINE)
    held = {str(each.readlink()) for pid in _members(group) for each in Path(f"/proc/{pid}/fd").iterdir()}
    return {(address, int(port, 16)) for address, port, inode in found if f"socket:[{inode}]" in held}


def _members(group: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if _group(pid) == group]


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


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

    assert client(start(where)).list_tables()["TableNames"] == []  # one that keeps nothing does not see it
    process.stop(where)
    assert client(start(where, keep=True)).list_tables()["TableNames"] == ["kept"]  # nor take it away
    process.stop(where)
    process.forget(where)
    assert client(start(where, keep=True)).list_tables()["TableNames"] == []


def test_nobody_else_can_read_the_keys_in_the_state(where: Places) -> None:
    start(where, keep=True)

    assert {folder.stat().st_mode & 0o777 for folder in (where.state, where.scratch)} == {0o700}


def client(cloud: process.Running) -> Any:
    return boto3.client("dynamodb", endpoint_url=cloud.endpoint_url, region_name=process.REGION)


@pytest.mark.parametrize(
    "told",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
)
def test_an_interrupted_up_leaves_nothing_running(where: Places, told: signal.Signals) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--port", "0", "--mqtt-port", "0"],
        cwd=ROOT,
        env={**os.environ, "COLDWATCH_LOCAL_DIR": str(where.folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # A shell starts what runs in the background deaf to SIGINT, and this test may run there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread holds a lock here
    )
    deadline = time.monotonic() + 60
    while not where.process_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    leader = json.loads(where.process_file.read_text())["pid"]
    started.send_signal(told)
    _, said = started.communicate(timeout=60)

    assert b"nothing is left running" in said
    assert process.running(where) is None
    assert not Path(f"/proc/{leader}").exists()


def test_a_missing_python_is_told_with_the_remedy(tmp_path: Path) -> None:
    # Some places are looked at whatever PATH says, and this machine may have a Python there.
    script = re.sub(r"/(usr/local/bin|opt)/", f"{tmp_path}/", (ROOT / "local/find_python.sh").read_text())

    done = subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
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
