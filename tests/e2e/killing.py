"""Killing functions while they work."""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

from local import process
from tests.conftest import Cloud


class killing:  # noqa: N801 - used as a word in a sentence: `with killing(cloud)`
    """Kill the processes of some functions again and again while the block runs."""

    def __init__(self, cloud: Cloud, *functions: str, times: int = 5, every_s: float = 0.7) -> None:
        self._cloud = cloud
        self._functions = functions
        self._times = times
        self._every_s = every_s
        self._kills: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> list[int]:
        self._thread.start()
        return self._kills

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join(5)

    def _run(self) -> None:
        while len(self._kills) < self._times and not self._over.wait(self._every_s):
            for pid in (pid for function in self._functions for pid in workers(self._cloud, function)):
                if self._is_due(pid):
                    self._kill(pid)

    def _is_due(self, _pid: int) -> bool:
        return True

    def _kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self._kills.append(pid)


class killing_at_work(killing):  # noqa: N801 - likewise
    """Kill only what works: a process that waits for an event uses no processor, so one that does has been given one.

    Each kill comes a little later in its work than the one before.
    """

    def __init__(self, cloud: Cloud, *functions: str, times: int) -> None:
        super().__init__(cloud, *functions, times=times, every_s=0.005)
        self._seen: dict[int, int] = {}

    def _is_due(self, pid: int) -> bool:
        used = _worked(pid)
        is_at_work = used > self._seen.setdefault(pid, used)
        return is_at_work and not self._over.wait(0.03 * len(self._kills))


def _worked(pid: int) -> int:
    """Nanoseconds on a processor (proc(5), schedstat): what a function does may take less than a clock tick."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except OSError:
        return 0


def workers(cloud: Cloud, function: str) -> list[int]:
    """The processes that run a function now."""
    name = cloud.output(f"{function}Name")
    leader = process.running(cloud.places)
    assert leader
    return [pid for pid in _group(leader.pid) if f"AWS_LAMBDA_FUNCTION_NAME={name}\0" in _environment(pid)]


def _group(leader: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != leader:
            try:
                if os.getpgid(int(folder.name)) == leader:
                    found.append(int(folder.name))
            except ProcessLookupError:
                continue
    return found


def _environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace") + "\0"
    except OSError:
        return ""
