"""All workflows of a world on virtual time: each incident's, as `statemachines/incident.asl.json` has it with its wait in
silence, and the schedule that sends digests each minute.
"""

from dataclasses import dataclass, field
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

    def take(self, now_ms: int) -> None:
        heard = [output for token, output in self.here.waiting.heard if token == self.token]
        if heard and self.until is not None and self.state != QUIET:
            self._go_on(heard[0], now_ms)

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
    next_digest: int = 0

    def __post_init__(self) -> None:
        self.next_digest = self.now + MINUTE

    def pick_up(self) -> None:
        """Workflows that were started; and let each that waits take what it was told."""
        for incident_id in self.here.executions.started:
            if incident_id not in self.workflows and incident_id not in self.starting:
                self.starting[incident_id] = self.now + self.started_ms
        for each in list(self.workflows.values()):
            each.take(self.now)

    def run_until(self, end_ms: int) -> None:
        while (due := self._next()) is not None and due[0] <= end_ms:
            self.now = max(self.now, due[0])
            self._do(due[1])
            self.pick_up()
        self.now = max(self.now, end_ms)

    def _next(self) -> tuple[int, str] | None:
        self.pick_up()
        due = [(at, incident_id) for incident_id, at in self.starting.items()]
        due += [(each.until, each.incident_id) for each in self.workflows.values() if each.until is not None]
        order = {incident_id: number for number, incident_id in enumerate(self.here.executions.started)}
        return min([*due, (self.next_digest, "")], key=lambda each: (each[0], order.get(each[1], -1)))

    def _do(self, what: str) -> None:
        if not what:
            send_digests(self.here.posting(), now_ms=self.now)
            self.next_digest = self.now + MINUTE
        elif what in self.starting:
            del self.starting[what]
            incident = self.here.incidents.incidents[what]
            made = StormWorkflow.of(self.here, incident)
            assert isinstance(made, StormWorkflow)
            self.workflows[what] = made
            made.enter(self.now)
        else:
            self.workflows[what].time_out()

    def unattended(self) -> list[Incident]:
        """Incidents that are not over, and whose workflow waits for nothing."""
        kept = self.here.incidents.incidents
        return [
            kept[each.incident_id]
            for each in self.workflows.values()
            if each.until is None and kept[each.incident_id].status is not Status.RESOLVED
        ]
