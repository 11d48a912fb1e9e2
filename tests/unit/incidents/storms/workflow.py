"""All workflows of a world on virtual time: each incident's, as `statemachines/incident.asl.json` has it, and the
schedule that sends digests each minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.storms.posting import send_digests
from tests.unit.incidents.fakes import Course, World
from tests.unit.incidents.machine import Execution, definition
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.workflow import WITHOUT_EVIDENCE, Function, Workflow

MINUTE = 60_000


def _record(here: World, course: Course, asked: Mapping[str, Any], now_ms: int) -> Any:
    recorded = WITHOUT_EVIDENCE["RecordIncident"](here, course, asked, now_ms)
    if isinstance(here, StormWorld):
        here.leave(here.incidents.incidents[asked["incident_id"]], now_ms, course)
    return recorded


FUNCTIONS: dict[str, Function] = {**WITHOUT_EVIDENCE, "RecordIncident": _record}


@dataclass
class StormWorkflow(Workflow):
    """Finds its answer without looking through everybody's."""

    def _take(self, now_ms: int) -> bool:
        assert isinstance(self.here, StormWorld)
        answer = self.here.answers().get(self.token or "")
        if answer is None:
            return False
        self.execution.succeed(answer, now_ms)
        return True


@dataclass
class Clockwork:
    """Runs what is due, in order of time; `started_ms` is how long a workflow takes before it tells anybody."""

    here: StormWorld
    now: int
    started_ms: int = 0
    workflows: dict[str, StormWorkflow] = field(default_factory=dict)
    starting: dict[str, int] = field(default_factory=dict)
    due: list[tuple[int, int, str]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    next_digest: int = 0
    _started: int = 0
    _heard: int = 0
    _waits: int = 0

    def __post_init__(self) -> None:
        self.next_digest = self.now + MINUTE

    def pick_up(self) -> None:
        """Workflows that were started; and let each take what it was told."""
        for name in list(self.here.executions.started)[self._started :]:
            self.starting[name] = self.now + self.started_ms
            self._wait(name, self.starting[name])
        self._started = len(self.here.executions.started)
        while self._heard < len(self.here.waiting.heard):
            token, _ = self.here.waiting.heard[self._heard]
            self._heard += 1
            if name := self.tokens.pop(token, ""):
                self.workflows[name].go_on(self.now)
                self._wait(name, self.workflows[name].until)

    def run_until(self, end_ms: int) -> None:
        self.pick_up()
        while (at := min(self.next_digest, self.due[0][0] if self.due else end_ms + 1)) <= end_ms:
            self.now = max(self.now, at)
            if at == self.next_digest:
                self.next_digest += MINUTE
                send_digests(self.here.posting(), now_ms=self.now)
            else:
                self._run(heappop(self.due))
            self.pick_up()
        self.now = max(self.now, end_ms)

    def _wait(self, name: str, until: int | None) -> None:
        workflow = self.workflows.get(name)
        if workflow and workflow.token:
            self.tokens[workflow.token] = name
        if until is not None:
            self._waits += 1
            heappush(self.due, (until, self._waits, name))

    def _run(self, due: tuple[int, int, str]) -> None:
        at, _, name = due
        if self.starting.pop(name, None) is not None:
            self.workflows[name] = StormWorkflow(self.here, Execution(name, definition("incident")), FUNCTIONS)
            self.workflows[name].enter(self.now)
        elif self.workflows[name].until == at:
            self.workflows[name].time_out(self.now)
        else:
            return
        self._wait(name, self.workflows[name].until)

    def unattended(self) -> list[Incident]:
        """Incidents that are not over, and whose workflow waits for nothing."""
        kept = self.here.incidents.incidents
        running = {name.partition("-")[0] for name, each in self.workflows.items() if each.until is not None}
        running |= {name.partition("-")[0] for name in self.starting}
        return [
            each for each in kept.values() if each.status is not Status.RESOLVED and each.incident_id not in running
        ]
