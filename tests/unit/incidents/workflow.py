"""The incident workflow on virtual time, as `statemachines/incident.asl.json` has it, for one incident.

`tests/integration/local_cloud/test_incident_workflow.py` runs the machine itself.
"""

from dataclasses import dataclass
from typing import Any

from coldwatch.incidents.awaiting import await_resolution
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.recording import record
from coldwatch.incidents.telling import NotAllToldError, Round, tell
from tests.unit.incidents.fakes import Course, Killed, World

ATTEMPTS = 6


@dataclass
class Workflow:
    """`until` is when the wait ends that it is in (epoch ms); None once it is over."""

    here: World
    incident_id: str
    waits: dict[str, Any]
    round: int
    step: int
    state: str = "Notify tier"
    until: int | None = None
    tokens: int = 0
    is_last_try: bool = False

    @classmethod
    def of(cls, here: World, incident: Incident) -> "Workflow":
        given = here.executions.started[incident.incident_id]
        return cls(here, incident.incident_id, given["waits"], given["round"], given["step"])

    @property
    def token(self) -> str:
        return f"{self.incident_id}-{self.tokens}"

    def enter(self, now_ms: int, course: Course | None = None) -> None:
        """Run the function of the state that it is in, again where it dies; then take what has come of it."""
        for attempt in range(ATTEMPTS + 1):
            self.here.waiting.open_tokens.discard(self.token)
            self.tokens += 1
            self.here.waiting.open_tokens.add(self.token)
            self.is_last_try = attempt == ATTEMPTS
            try:
                self._call(now_ms, course if attempt == 0 else None)
            except (Killed, NotAllToldError):
                continue
            break
        if self.until is not None:
            self.until = now_ms + self._wait_s() * 1000
        self.take(now_ms)

    def take(self, now_ms: int) -> None:
        """Go on if the token was returned."""
        heard = [output for token, output in self.here.waiting.heard if token == self.token]
        if heard and self.until is not None:
            self._go_on(heard[0], now_ms)

    def time_out(self) -> None:
        """The wait is over, and nobody has returned the token."""
        assert self.until is not None
        now_ms = self.until
        self.here.waiting.open_tokens.discard(self.token)
        if self.state == "Notify tier":
            self.step += 1
        self._next_round(now_ms)

    def _call(self, now_ms: int, course: Course | None) -> None:
        self.until = now_ms
        if self.state == "Notify tier":
            asked = Round(self.incident_id, self.round, self.step, self.token, self.is_last_try)
            tell(asked, self.here.telling(course), now_ms=now_ms)
        elif self.state == "Await resolution":
            watch = (course or Course()).watch
            store, waiting = watch(self.here.incidents), watch(self.here.waiting)
            await_resolution(self.incident_id, self.token, store, waiting, now_ms=now_ms)
        else:
            record(self.incident_id, self.here.recording(course), now_ms=now_ms)
            self.until = None

    def _go_on(self, output: Any, now_ms: int) -> None:
        if output["outcome"] == "resolved":
            self.state = "Record"
            self.enter(now_ms)
        elif self.state == "Notify tier" and output["outcome"] == "acknowledged":
            self.round, self.step, self.state = output["round"], output["step"], "Await resolution"
            self.enter(now_ms)
        elif self.state == "Notify tier":
            self.round, self.step = output["round"], output["step"] + 1
            self._next_round(now_ms)
        else:
            self._next_round(now_ms)

    def _next_round(self, now_ms: int) -> None:
        self.round, self.state = self.round + 1, "Notify tier"
        self.enter(now_ms)

    def _wait_s(self) -> int:
        if self.state == "Await resolution":
            return int(self.waits["resolve_s"])
        first = self.waits["acknowledge_s"]
        return int(first[self.step - 1] if self.step <= len(first) else self.waits["repeat_s"])
