"""Stories of an incident, told in minutes: what somebody does at which minute, and who is told between which two.

A story is written down first and played afterwards, on virtual time: with the real state machine, its real functions,
and every page accounted for. A page that no line of the story expects is a fault, and so is a line that no page meets.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coldwatch.incidents.answering import Action, Asked, Outcome
from coldwatch.incidents.incident import Cause, Disposition, EventType, Incident
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.reconciling import reconcile
from coldwatch.incidents.recovery import recover_incident
from tests.unit.incidents.builders import FRIDGE, MINUTE, NOW, effect, operated, pressed, secret_of, world
from tests.unit.incidents.workflow import FUNCTIONS, Workflow, Workflows

type Deed = Callable[[], object]


@dataclass(frozen=True)
class Told:
    who: str
    since: float
    until: float

    def __str__(self) -> str:
        return f"{self.who} told between minutes {self.since:g} and {self.until:g}"


@dataclass
class Story:
    """`plan` changes the plan: ana for 1 min, then ben and cem for 2, twice; then those two every 10 min; 15 min to
    resolve what somebody has; what recovers is resolved once somebody has it.
    """

    plan: dict[str, Any] = field(default_factory=dict)
    deeds: list[tuple[float, Deed]] = field(default_factory=list)
    expected: list[Told] = field(default_factory=list)
    pages: list[tuple[float, str]] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    until: float = 0
    effects: int = 0

    def __post_init__(self) -> None:
        self.here = world(**{"snooze_min_s": 60, **self.plan})
        self.here.readings.readings = [
            {"device_id": FRIDGE, "reading_key": str(at), "timestamp": NOW + at * MINUTE, "temp_c": 9.5}
            for at in range(-5, 600)
        ]
        self.clock = Workflows(self.here, NOW, FUNCTIONS)
        self.here.channel.on_send = lambda page: self.pages.append((self.minute, page.contact_id))

    @property
    def minute(self) -> float:
        return (self.clock.now - NOW) / MINUTE

    @property
    def incident(self) -> Incident:
        return next(iter(self.here.incidents.incidents.values()))

    @property
    def events(self) -> list[EventType]:
        return [each.type for each in self.here.incidents.timeline(self.incident.incident_id)]

    @property
    def workflow(self) -> Workflow:
        return list(self.clock.all.values())[-1]

    def at(self, *, minutes: float) -> "Moment":
        return Moment(self, minutes)

    def told(self, *who: str, between: tuple[float, float]) -> None:
        """Each of them is told once in that time."""
        self.expected += [Told(each, *between) for each in who]
        self.until = max(self.until, between[1])

    def told_nobody_else(self, *, until: float) -> None:
        """Beyond what is expected, up to there."""
        self.until = max(self.until, until)

    def play(self) -> "Story":
        self.deeds.sort(key=lambda each: each[0])
        for minute, deed in self.deeds:
            self.clock.run_until(NOW + int(minute * MINUTE))
            deed()
            self.clock.settle()
        self.clock.run_until(NOW + int(self.until * MINUTE))
        self._account()
        return self

    def _account(self) -> None:
        left = list(self.pages)
        for line in self.expected:
            met = [page for page in left if page[1] == line.who and line.since <= page[0] <= line.until]
            assert met, f"{line}, but the pages are {self.pages}"
            left.remove(met[0])
        unexpected = [page for page in left if page[0] <= self.until]
        assert not unexpected, f"nobody expected {unexpected}"


def standing_before(name: str, machine: Any) -> Any:
    """The machine with a long wait before this state."""
    states: dict[str, dict[str, Any]] = machine["States"]
    known = {state: {**own, "Next": "Stand"} if own.get("Next") == name else own for state, own in states.items()}
    return {**machine, "States": {**known, "Stand": {"Type": "Wait", "Seconds": 3600, "Next": name}}}


@dataclass(frozen=True)
class Moment:
    """What happens at a minute of a story."""

    story: Story
    minute: float

    def detector(self) -> "Detector":
        return Detector(self)

    def responder(self, who: str) -> "Responder":
        return Responder(self, who)

    def operator(self, who: str = "op") -> "Operator":
        return Operator(self, who)

    def is_silenced(self, *, until: float) -> None:
        def deed() -> None:
            self.story.here.silenced_until = NOW + int(until * MINUTE)

        self.does(deed)

    def forget(self, who: str) -> None:
        self.does(lambda: self.story.here.directory.names.pop(who))

    def workflow_is_stopped(self) -> None:
        def deed() -> None:
            self.story.workflow.stop()

        self.does(deed)

    def report_is_never_called_for(self) -> None:
        """The workflow stands before its report, as if the service were slow."""

        def deed() -> None:
            execution = self.story.workflow.execution
            execution.machine = standing_before("Report", execution.machine)

        self.does(deed)

    def workflow_is_redriven(self) -> None:
        self.does(lambda: self.story.workflow.redrive(self.story.clock.now))

    def workflow_is_nearly_at_its_end(self) -> None:
        def deed() -> None:
            execution = self.story.workflow.execution
            execution.variables = {**execution.variables, "turns": 299}

        self.does(deed)

    def hourly_check(self) -> None:
        here, clock = self.story.here, self.story.clock
        self.does(lambda: reconcile(here.incidents, here.executions, with_unrecorded=True, now_ms=clock.now))

    def does(self, deed: Deed) -> None:
        self.story.deeds.append((self.minute, deed))
        self.story.until = max(self.story.until, self.minute)


@dataclass(frozen=True)
class Detector:
    moment: Moment

    def says_too_warm(self) -> None:
        story = self.moment.story

        def deed() -> None:
            story.effects += 1
            made = effect(f"e{story.effects}", occurred_at=story.clock.now)
            open_incident(made, story.here.opening(), now_ms=story.clock.now)

        self.moment.does(deed)

    def says_recovered(self) -> None:
        story = self.moment.story

        def deed() -> None:
            story.effects += 1
            made = effect(f"e{story.effects}", occurred_at=story.clock.now)
            recover_incident(made, story.here.incidents, story.here.waiting, now_ms=story.clock.now)

        self.moment.does(deed)


@dataclass(frozen=True)
class Responder:
    """Presses a button of the last page that they were sent, or of an earlier one by its number from 0."""

    moment: Moment
    who: str

    def acknowledges(self, *, page: int = -1) -> None:
        self._presses(Asked(Action.ACKNOWLEDGE), page)

    def snoozes(self, *, minutes: float, page: int = -1) -> None:
        self._presses(Asked(Action.SNOOZE, snooze_s=int(minutes * 60)), page)

    def escalates(self, *, page: int = -1) -> None:
        self._presses(Asked(Action.ESCALATE), page)

    def resolves(self, *, note: str = "done", cause: Cause | None = None, goods: Disposition | None = None) -> None:
        self._presses(Asked(Action.RESOLVE, note, cause, goods), -1)

    def says_it_was_useful(self) -> None:
        self._presses(Asked(Action.USEFUL), -1)

    def sends(self, command: str, *, revision: int | None = None) -> None:
        self._presses(Asked(Action.COMMAND, command=command, revision=revision), -1)

    def _presses(self, asked: Asked, page: int) -> None:
        story = self.moment.story

        def deed() -> None:
            secret = secret_of(story.here, self.who, page)
            story.answers.append(pressed(story.here, secret, asked, now_ms=story.clock.now).outcome)

        self.moment.does(deed)


@dataclass(frozen=True)
class Operator:
    moment: Moment
    who: str

    def acknowledges(self) -> None:
        self._does(Asked(Action.ACKNOWLEDGE))

    def snoozes(self, *, minutes: float) -> None:
        self._does(Asked(Action.SNOOZE, snooze_s=int(minutes * 60)))

    def escalates(self) -> None:
        self._does(Asked(Action.ESCALATE))

    def resolves(self) -> None:
        self._does(Asked(Action.RESOLVE, "done"))

    def _does(self, asked: Asked) -> None:
        story = self.moment.story

        def deed() -> None:
            story.answers.append(operated(story.here, story.incident, asked, self.who, now_ms=story.clock.now).outcome)

        self.moment.does(deed)
