"""The cloud's process: started in a group of its own, so that it and its functions' workers end together."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from local.errors import AlreadyRunningError, LocalCloudError, StartError
from local.places import ENVIRONMENTS, ROOT, Places
from local.ports import HOST

REGION = "eu-west-1"
STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 20.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""The local cloud's root account: it exists on loopback only."""


@dataclass(frozen=True, slots=True)
class Running:
    """A cloud that is up, as recorded in `process.json`."""

    pid: int
    port: int
    mqtt_port: int
    keep: bool

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM and a closed terminal are interrupts like Ctrl-C: what was started is stopped."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(each, _interrupt) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def running(places: Places) -> Running | None:
    """The cloud of these places, if it is alive. What a dead one left behind is cleaned away."""
    _forget_ended()
    if not places.process_file.exists():
        return None
    found = Running(**json.loads(places.process_file.read_text()))
    if _is_our_cloud(found.pid):
        return found
    _clean(places)
    return None


def expect_none(places: Places) -> None:
    """Raises AlreadyRunningError when the cloud of these places is up."""
    if found := running(places):
        raise AlreadyRunningError(f"The local cloud is already up at {found.endpoint_url}. `make down` stops it.")


def start(places: Places, *, port: int, mqtt_port: int, keep: bool) -> Running:
    """Start the cloud and wait until it answers. A start that fails leaves nothing behind.

    Raises AlreadyRunningError or StartError.
    """
    expect_none(places)
    for folder in (_state(places, keep=keep), places.scratch):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # keys of devices and of the certificate authority lie in there
    places.inbox.touch(mode=0o600)  # links lie in there, too
    places.inbox.write_bytes(b"")
    with places.log.open("wb") as log:
        process = subprocess.Popen(
            [str(_python()), "-m", "local.cloud"],
            cwd=ROOT,
            env=_environment(places, port=port, mqtt_port=mqtt_port, keep=keep),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[process.pid] = process
    cloud = Running(process.pid, port, mqtt_port, keep)
    _record(places, cloud)
    try:
        _wait_until_it_answers(process, cloud, places.log)
    except BaseException:
        stop(places)
        raise
    return cloud


_started: dict[int, subprocess.Popen[bytes]] = {}
"""Those of this process, because a forgotten Popen complains of the process that is meant to outlive it."""


def _forget_ended() -> None:
    """Take note of those that have ended, whoever ended them."""
    for pid, process in list(_started.items()):
        if process.poll() is not None:
            del _started[pid]


def _record(places: Places, cloud: Running) -> None:
    """Whole or not at all: whoever looks meanwhile must not read half of it."""
    draft = places.process_file.with_suffix(".new")
    draft.write_text(json.dumps(asdict(cloud)))
    draft.replace(places.process_file)


def stop(places: Places) -> bool:
    """Stop the cloud, its workers too, and remove what it left; False when none was running."""
    found = running(places)
    if found is None:
        return False
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(found.pid, sent)
        if _ended(found.pid, within_s=STOPS_WITHIN_S):
            break
    with suppress(ProcessLookupError):  # workers that outlived their leader
        os.killpg(found.pid, signal.SIGKILL)
    if started := _started.pop(found.pid, None):
        started.wait()
    _clean(places)
    return True


def forget(places: Places) -> None:
    """Remove kept state."""
    shutil.rmtree(places.state, ignore_errors=True)


def _state(places: Places, *, keep: bool) -> Path:
    """A cloud that keeps nothing neither sees nor touches what another one kept."""
    return places.state if keep else places.scratch / "state"


def _python() -> Path:
    python = ENVIRONMENTS / "cloud" / "bin" / "python"
    if not python.exists():
        raise LocalCloudError("The local cloud's environment is missing. Run `make setup`.")
    return python


def _environment(places: Places, *, port: int, mqtt_port: int, keep: bool) -> dict[str, str]:
    chosen = {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "AUTH": "true",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_PORT": str(mqtt_port),
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "STATE_DIR": str(_state(places, keep=keep) / "services"),
        "S3_DATA_DIR": str(_state(places, keep=keep) / "s3"),
        "PERSIST_STATE": "1" if keep else "0",
        "S3_PERSIST": "1" if keep else "0",
        "TMPDIR": str(places.scratch),
        "HOME": str(places.scratch),
        "PATH": os.environ["PATH"],
        "COLDWATCH_INBOX": str(places.inbox),
        **CREDENTIALS,
    }
    passed_on = {
        name: value for name, value in os.environ.items() if name.startswith("COLDWATCH_") or name == "LOG_LEVEL"
    }
    return {**passed_on, **chosen}


def _wait_until_it_answers(process: subprocess.Popen[bytes], cloud: Running, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"The local cloud ended while it was starting:\n{tail(log)}")
        with suppress(OSError), urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/health", timeout=2):
            return
        time.sleep(0.1)
    raise StartError(f"The local cloud did not answer within {STARTS_WITHIN_S:.0f} seconds:\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented."""
    return "\n".join("  " + line for line in log.read_text(errors="replace").splitlines()[-lines:])


def _is_our_cloud(pid: int) -> bool:
    """Whether `pid` is alive and is a local cloud; a number may have been given to another program since."""
    with suppress(OSError):
        return b"local.cloud" in Path(f"/proc/{pid}/cmdline").read_bytes() and not _is_zombie(pid)
    return False


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _ended(pid: int, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not _is_our_cloud(pid):
            return True
        time.sleep(0.05)
    return False


def _clean(places: Places) -> None:
    for file in (places.process_file, places.endpoints_file, places.certificate_authority, places.inbox):
        file.unlink(missing_ok=True)
    shutil.rmtree(places.scratch, ignore_errors=True)
