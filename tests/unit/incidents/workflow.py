"""The incident workflow on virtual time: the real state machine, the real functions, and a world that outlives them.

`tests/integration/local_cloud/test_incident_workflow.py` runs the machine in a Step Functions service.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from coldwatch.incidents.awaiting import await_change
from coldwatch.incidents.changing import carry_out
from coldwatch.incidents.enrichment import enrich
from coldwatch.incidents.evidence import NotStoredYetError, keep_evidence
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.lifecycle import Change, note
from coldwatch.incidents.reconciling import hand_over, reconcile
from coldwatch.incidents.recording import record
from coldwatch.incidents.telling import NotAllToldError, Round, tell
from coldwatch.incidents.workflow import execution_name
from tests.unit.incidents.fakes import Course, Killed, World
from tests.unit.incidents.machine import Execution, definition

type Function = Callable[[World, Course, Mapping[str, Any], int], Any]
HOUR = 3_600_000
DIED = "Runtime.ExitError"


def _keep_evidence(here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> dict[str, str]:
    try:
        keep_evidence(asked["incident_id"], here.evidence(course), now_ms=now_ms, is_final=asked["is_final"])
    except NotStoredYetError:
        return {"outcome": "not_stored_yet"}
    return {"outcome": "kept"}


def _notify_tier(here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> None:
    place = asked["incident_id"], asked["round"], asked["step"], asked["task_token"], asked["is_last_try"]
    tell(Round(*place, asked.get("wait_s")), here.telling(course), now_ms=now_ms)


def _await(here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> None:
    place = asked["incident_id"], asked["task_token"], asked.get("standing")
    await_change(*place, course.watch(here.incidents), course.watch(here.waiting), now_ms=now_ms)


def _hand_over(here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> None:
    place, number = (asked["round"], asked["step"]), asked["number"]
    store, executions = course.watch(here.incidents), course.watch(here.executions)
    hand_over(asked["incident_id"], place, number, store, executions, now_ms=now_ms)


def _record(here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> Any:
    """The record, or in place of the report the note of it."""
    if "part" not in asked:
        return record(asked["incident_id"], here.recording(course), now_ms=now_ms)
    carry_out(course.watch(here.incidents), asked["incident_id"], lambda each: reported(each, now_ms))
    return {}


def reported(incident: Incident, now_ms: int) -> Change | None:
    if incident.reported_at is not None:
        return None
    return note(incident, replace(incident, reported_at=now_ms), EventType.REPORTED, "Reported.", now_ms=now_ms)


FUNCTIONS: dict[str, Function] = {
    "KeepEvidence": _keep_evidence,
    "EnrichIncident": lambda here, course, asked, now: enrich(
        asked["incident_id"], here.enrichment(course), now_ms=now
    ),
    "NotifyTier": _notify_tier,
    "AwaitResolution": _await,
    "HandOverIncident": _hand_over,
    "RecordIncident": _record,
}
WITHOUT_EVIDENCE: dict[str, Function] = {
    **FUNCTIONS,
    "KeepEvidence": lambda *_: {"outcome": "kept"},
    "EnrichIncident": lambda *_: {},
}
"""For tests that are about telling: readings are no matter, and the first page goes out at once."""


@dataclass
class Workflow:
    """One execution. `course` is what befalls the next function that it calls."""

    here: World
    execution: Execution
    functions: Mapping[str, Function] = field(default_factory=lambda: WITHOUT_EVIDENCE)
    course: Course | None = None

    @classmethod
    def of(cls, here: World, incident: Incident, number: int = 1) -> "Workflow":
        name = execution_name(incident.incident_id, number)
        return cls(here, Execution(name, definition("incident")))

    @property
    def token(self) -> str | None:
        return self.execution.token

    @property
    def until(self) -> int | None:
        return self.execution.until

    @property
    def state(self) -> str:
        return self.execution.state

    @property
    def place(self) -> tuple[int, int]:
        return self.execution.variables["round"], self.execution.variables["step"]

    def enter(self, now_ms: int) -> None:
        self.execution.begin(self.here.executions.started[self.execution.name], now_ms)
        self.go_on(now_ms)

    def go_on(self, now_ms: int) -> None:
        """Call what is to be called, and take what was answered, until there is nothing left but to wait."""
        while self.execution.status == "RUNNING" and (self._call(now_ms) or self._take(now_ms)):
            pass
        if self.execution.status != "RUNNING":
            self.here.executions.ended.add(self.execution.name)

    def time_out(self, now_ms: int | None = None) -> None:
        """The wait is over, and nobody has returned the token."""
        assert self.until is not None
        self.execution.until = max(self.until, now_ms or 0)
        now = self.execution.until
        self.here.waiting.open_tokens.discard(self.token or "")
        self.execution.pass_time()
        self.go_on(now)

    def stop(self) -> None:
        self.here.waiting.open_tokens.discard(self.token or "")
        self.execution.stop()
        self.here.executions.ended.add(self.execution.name)

    def redrive(self, now_ms: int) -> None:
        self.here.executions.ended.discard(self.execution.name)
        self.execution.redrive(now_ms)
        self.go_on(now_ms)

    def _call(self, now_ms: int) -> bool:
        execution, call = self.execution, self.execution.call
        if call is None or execution.is_called or execution.is_backing_off:
            return False
        execution.is_called = True
        course, self.course = self.course or Course(), None
        self.here.waiting.open_tokens |= {call.token} if call.token else set()
        try:
            answer = self.functions[call.function](self.here, course, call.payload, now_ms)
        except (Killed, NotAllToldError) as error:
            self.here.waiting.open_tokens.discard(call.token or "")
            execution.fail("NotAllToldError" if isinstance(error, NotAllToldError) else DIED, now_ms)
            self._try_again_at_once(now_ms)
        else:
            if call.token is None:
                execution.succeed({"Payload": answer}, now_ms)
        return True

    def _try_again_at_once(self, now_ms: int) -> None:
        if self.execution.is_backing_off:
            self.execution.until = now_ms
            self.execution.pass_time()

    def _take(self, now_ms: int) -> bool:
        heard = [answer for token, answer in self.here.waiting.heard if token == self.token]
        if not heard:
            return False
        self.execution.succeed(heard[0], now_ms)
        return True


@dataclass
class Workflows:
    """All the executions of a world, on one clock."""

    here: World
    now: int
    functions: Mapping[str, Function] = field(default_factory=lambda: WITHOUT_EVIDENCE)
    all: dict[str, Workflow] = field(default_factory=dict)

    def settle(self) -> None:
        """Begin what was started, and let those that run take what they were told."""
        while new := [name for name in self.here.executions.started if name not in self.all]:
            for name in new:
                self.all[name] = Workflow(self.here, Execution(name, definition("incident")), self.functions)
                self.all[name].enter(self.now)
        for workflow in self.all.values():
            workflow.go_on(self.now)
        if any(name not in self.all for name in self.here.executions.started):
            self.settle()

    def adopt(self, execution: Execution, name: str) -> None:
        self.all[name] = Workflow(self.here, execution, self.functions)

    def run_until_told(self, at: int, sent: int, *, is_checked: bool = True) -> None:
        """Let time pass until somebody is told more, or until `at`; the hourly check is made each hour."""
        self.settle()
        check = self.now + HOUR
        while len(self.here.channel.sent) == sent and self.now < at:
            due = self._next(at)
            if due is None or (due.until or 0) > check:
                self.now, check = min(check, at), check + HOUR
                if is_checked:
                    reconcile(self.here.incidents, self.here.executions, with_unrecorded=True, now_ms=self.now)
            else:
                self.now = max(self.now, due.until or 0)
                due.time_out(self.now)
            self.settle()

    def run_until(self, at: int) -> None:
        """Let time pass, and each wait end when it does."""
        while due := self._next(at):
            self.now = max(self.now, due.until or 0)
            due.time_out(self.now)
            self.settle()
        self.now = max(self.now, at)

    def running(self) -> list[Workflow]:
        return [each for each in self.all.values() if each.execution.status == "RUNNING"]

    def _next(self, at: int) -> Workflow | None:
        waiting = [each for each in self.running() if each.until is not None and each.until <= at]
        return min(waiting, key=lambda each: each.until or 0, default=None)
