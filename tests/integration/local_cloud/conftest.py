"""A running local cloud with every mend in it, started once for the tests of this folder."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".local/environments/cloud/bin/python"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 10.0

# A mend that is not written yet is left out, so that each can be tested as soon as it exists.
START = """
import importlib, importlib.util, sys
from local.cloud import upstream
from local.cloud.__main__ import MENDS
names = [name for name in ("local.cloud." + mend for mend in MENDS) if importlib.util.find_spec(name)]
mends = [importlib.import_module(name) for name in names]
changed = [sentence for mend in mends for sentence in upstream.changes(mend.WRAPS)]
if changed:
    sys.exit("\\n".join(changed))
for mend in mends:
    mend.install()
from local.cloud import front
front.serve()
"""


@dataclass(frozen=True, slots=True)
class MendedCloud:
    """Where a test finds the cloud. Any credentials of the root account work: test/test."""

    endpoint: str
    mqtt_port: int
    region: str
    account: str
    log: Path
    """What the cloud and its functions wrote: the first place to look when a test fails."""


@pytest.fixture(scope="session")
def mended_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MendedCloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@contextmanager
def running_cloud(folder: Path, **environment: str) -> Iterator[MendedCloud]:
    """A cloud whose state is below `folder`; a second one there goes on from what PERSIST_STATE=1 kept."""
    if not PYTHON.exists():
        pytest.fail(f"the local cloud's environment is missing ({PYTHON.relative_to(ROOT)}): run `make setup`")
    port, mqtt_port = _free_ports()
    cloud = MendedCloud(f"http://127.0.0.1:{port}", mqtt_port, REGION, ACCOUNT, folder / "cloud.log")
    with cloud.log.open("ab") as log:
        process = subprocess.Popen(
            [str(PYTHON), "-c", START],
            cwd=ROOT,
            env=_environment(folder, port, mqtt_port) | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(process, cloud)
            yield cloud
        finally:
            _stop(process)


def _environment(folder: Path, port: int, mqtt_port: int) -> dict[str, str]:
    for name in ("state", "s3", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_PORT": str(mqtt_port),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "COLDWATCH_INBOX": str(folder / "inbox.jsonl"),
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def _free_ports() -> tuple[int, int]:
    """Two ports nobody listens on now; both are held until both are known, so that they differ."""
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _wait_until_it_answers(process: subprocess.Popen[bytes], cloud: MendedCloud) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the local cloud ended with {process.returncode} while starting:\n{_tail(cloud.log)}")
        with suppress(OSError), urllib.request.urlopen(f"{cloud.endpoint}/_ministack/health", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"the local cloud did not answer within {STARTS_WITHIN_S:.0f} s:\n{_tail(cloud.log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the cloud and its workers: they share the process group that it leads."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_WITHIN_S)
