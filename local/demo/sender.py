"""The operator of the story sends two commands while the scenario runs: one is answered, the other one is not."""

import threading
import time
from collections.abc import Callable
from typing import Any, Self

from local.demo.plot import Plot
from local.demo.stage import SETTLES_WITHIN_S, Stage
from local.demo.verdict import Command

_AFTER_S = 4.0
_OVER = {"SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"}


class Sender:
    """A thread; `commands` is complete when the block ends."""

    def __init__(self, stage: Stage, plot: Plot, tell: Callable[[str], None]) -> None:
        self._stage, self._plot, self._tell = stage, plot, tell
        self.commands: list[Command] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="operator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            time.sleep(_AFTER_S)  # the fleet has connected
            sent = [
                self._send(self._plot.answers, "set_point", "--parameter", "celsius=4"),
                self._send(self._plot.never_answers, "defrost", "--timeout", "5", "--attempts", "2"),
            ]
            self.commands = [self._settled(execution_id) for execution_id in sent]
        except BaseException as failure:  # noqa: BLE001 - told by the thread that waits for this one
            self._failure = failure

    def _send(self, device: str, *words: str) -> str:
        answer = self._stage.command("command", "send", device, *words)
        self._tell(f"the operator sends {words[0]} to {device}")
        return str(answer["execution_id"])

    def _settled(self, execution_id: str) -> Command:
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while True:
            found: dict[str, Any] = self._stage.command("command", "show", execution_id)
            if found["status"] in _OVER or time.monotonic() > deadline:
                self._tell(f"{found['device_id']}: {found['command']} {found['status']}")
                return Command(execution_id, found["device_id"], found["status"], found.get("round_trip_ms"))
            time.sleep(0.5)
