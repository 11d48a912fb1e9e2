"""All workflows of a world on virtual time: each incident's, as `statemachines/incident.asl.json` has it with its wait
in silence, and the schedule that sends digests each minute.
"""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.storms.posting import send_digests
from coldwatch.incidents.storms.silence import SILENCED
from tests.unit.incidents.fakes import Course
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.workflow import Workflow

MINUTE = 60_000
QUIET = "Wait in silence"


@dataclass
class StormWorkflow(Workflow):
    here: StormWorld

    @classmethod
    def begun(cls, here: StormWorld, incident_id: str) -> "StormWorkflow":
        given = here.executions.started[incident_id]
        return cls(here, incident_id, given["waits"], given["round"], given["step"])

    def take(self, now_ms: int) -> None:
        answer = self.here.answers().get(self.token)
        if answer is not None and self.until is not None and self.state != QUIET:
            self._go_on(answer, now_ms)

    def time_out(self) -> None:
        if self.state != QUIET:
            super().time_out()
            return
        assert self.until is not None
        self.state = "Notify tier"
        self.enter(self.until)

    def _go_on(self, output: Any, now_ms: int) -> None:
        if output["outcome"] == SILENCED:
            assert (output["round"], output["step"]) == (self.round, self.step)
            self.state, self.until = QUIET, now_ms + output["wait_s"] * 1000
            return
        super()._go_on(output, now_ms)

    def _call(self, now_ms: int, course: Course | None) -> None:
        super()._call(now_ms, course)
        if self.state == "Record":
            self.here.leave(self.here.incidents.incidents[self.incident_id], now_ms)


@dataclass
class Clockwork:
    """Runs what is due, in order of time; `started_ms` is how long a workflow takes before it tells anybody."""

    here: StormWorld
    now: int
    started_ms: int = 0
    workflows: dict[str, StormWorkflow] = field(default_factory=dict)
    starting: dict[str, int] = field(default_factory=dict)
    due: list[tuple[int, int, str]] = field(default_factory=list)
    next_digest: int = 0
    _started: int = 0
    _heard: int = 0

    def __post_init__(self) -> None:
        self.next_digest = self.now + MINUTE

    def pick_up(self) -> None:
        """Workflows that were started; and let each take what it was told."""
        for incident_id in list(self.here.executions.started)[self._started :]:
            self.starting[incident_id] = self.now + self.started_ms
            self._wait(incident_id, self.starting[incident_id])
        self._started = len(self.here.executions.started)
        while self._heard < len(self.here.waiting.heard):
            token, _ = self.here.waiting.heard[self._heard]
            self._heard += 1
            if workflow := self.workflows.get(token.rpartition("-")[0]):
                workflow.take(self.now)
                self._wait(workflow.incident_id, workflow.until)

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

    def _wait(self, incident_id: str, until: int | None) -> None:
        if until is not None:
            heappush(self.due, (until, len(self.due), incident_id))

    def _run(self, due: tuple[int, int, str]) -> None:
        at, _, incident_id = due
        if self.starting.pop(incident_id, None) is not None:
            self.workflows[incident_id] = StormWorkflow.begun(self.here, incident_id)
            self.workflows[incident_id].enter(self.now)
        elif self.workflows[incident_id].until == at:
            self.workflows[incident_id].time_out()
        else:
            return
        self._wait(incident_id, self.workflows[incident_id].until)

    def unattended(self) -> list[Incident]:
        """Incidents that are not over, and whose workflow waits for nothing."""
        kept = self.here.incidents.incidents
        return [
            kept[each.incident_id]
            for each in self.workflows.values()
            if each.until is None and kept[each.incident_id].status is not Status.RESOLVED
        ]
