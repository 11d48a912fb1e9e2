"""Every order in which the processes of one incident can meet, at the grain of their single calls.

A process is one run of a real function: of a Lambda, a press of a button, an effect of the detector. A step lets one of
them make its next call to the world; what it had been answered before is played back to it, so a process can be stopped
between any two calls and taken up in any state. Other steps: a process begins, dies, the workflow's wait ends, the
workflow is stopped, or redriven. All steps from a state are tried; states that are equal are looked at once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.incident import HELD, Incident, Status
from coldwatch.incidents.telling import NotAllToldError
from tests.unit.incidents.fakes import FakeWaiting, World
from tests.unit.incidents.machine import Execution, definition
from tests.unit.incidents.workflow import DIED, Workflows

HOUR = 3_600_000


QUIET = frozenset({"put", "find_recipient", "publish", "find_page", "keep_page", "knows"})
"""Calls that nobody else hears of: it is no matter when they come, so they come with the call before."""


class Suspended(BaseException):
    """The process has made its one call."""


class ViolationError(AssertionError):
    """A promise that some order breaks; the order stands in the message."""


@dataclass
class Tape:
    """What a process was answered so far; the next call is made, and the one after it suspends the process."""

    past: tuple[Any, ...]
    at: int = 0
    made: tuple[str, tuple[Any, ...]] | None = None
    new: list[Any] = field(default_factory=list)

    def watch(self, port: Any) -> Any:
        return _Taped(port, self)

    def call(self, method: Callable[..., Any], name: str, *arguments: Any, **named: Any) -> Any:
        self.at += 1
        if self.at <= len(self.past):
            return _answered(self.past[self.at - 1])
        if name not in QUIET:
            if self.made is not None:
                raise Suspended
            self.made = name, arguments
        try:
            self.new.append(method(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - whatever it is, the process is told so again when it is played back
            self.new.append(_Raised(error))
        return _answered(self.new[-1])


@dataclass(frozen=True)
class _Raised:
    error: Exception


def _answered(answer: Any) -> Any:
    if isinstance(answer, _Raised):
        raise answer.error
    return answer


class _Taped:
    def __init__(self, port: Any, tape: Tape) -> None:
        self._port, self._tape = port, tape

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *arguments, **named: self._tape.call(method, name, *arguments, **named)


class TokenClient:
    """The part of Step Functions that the real adapter of `Waiting` calls."""

    exceptions = SimpleNamespace(TaskTimedOut=KeyError, TaskDoesNotExist=KeyError, InvalidToken=KeyError)

    def __init__(self, waiting: FakeWaiting) -> None:
        self._waiting = waiting

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - AWS's own names
        self._waiting.complete_text(taskToken, output)


@dataclass(frozen=True)
class Process:
    """`do` runs it: it is given the world, its tape, the time at which it began. `late` counts pages that it sent
    though nobody was to be told any more. `token` is of the call of the workflow that it answers, if any.
    """

    name: str
    do: Callable[[World, Tape, int], Any]
    began: int
    token: str = ""
    past: tuple[Any, ...] = ()
    late: int = 0
    is_redelivered: bool = False


@dataclass(frozen=True)
class Member:
    """Somebody who may do something once, at any time at which `can` holds."""

    name: str
    do: Callable[[World, Tape, int], Any]
    can: Callable[[World], bool] = lambda _: True
    is_redelivered: bool = False


@dataclass
class Model:
    """A state. `deaths`, `timeouts`, `stops`, `redrives` are how many may still come; `faults` how many came."""

    here: World
    now: int
    cast: tuple[Member, ...]
    functions: Mapping[str, Callable[[World, Tape, Mapping[str, Any], int], Any]]
    deaths: int = 0
    timeouts: int = 1
    stops: int = 0
    redrives: int = 0
    faults: int = 0
    is_checked_hourly: bool = True
    executions: dict[str, Execution] = field(default_factory=dict)
    processes: tuple[Process, ...] = ()
    path: tuple[str, ...] = ()

    def copied(self) -> "Model":
        executions = {name: each.copied() for name, each in self.executions.items()}
        return replace(self, here=copied(self.here), executions=executions)

    @property
    def incident(self) -> Incident:
        return next(iter(self.here.incidents.incidents.values()))

    def steps(self) -> Iterator[tuple[str, Callable[["Model"], None]]]:
        """What may come next."""
        for at, process in enumerate(self.processes):
            yield f"{process.name} {len(process.past) + 1}", lambda model, at=at: model.go_on(at)  # type: ignore[misc] # bound here
            if self.deaths:
                yield f"{process.name} dies", lambda model, at=at: model.kill(at)  # type: ignore[misc] # bound here
        for member in self.cast:
            if member.can(self.here):
                yield f"{member.name} begins", lambda model, member=member: model.begin(member)  # type: ignore[misc] # bound here
        for name, execution in self.executions.items():
            if self.timeouts and execution.status == "RUNNING" and execution.until is not None:
                yield f"{name[26:]} time is over", lambda model, name=name: model.time_out(name)  # type: ignore[misc] # bound here
            if self.stops and execution.status == "RUNNING":
                yield f"{name[26:]} is stopped", lambda model, name=name: model.stop(name)  # type: ignore[misc] # bound here
            if self.redrives and execution.status not in {"RUNNING", "SUCCEEDED"}:
                yield f"{name[26:]} is redriven", lambda model, name=name: model.redrive(name)  # type: ignore[misc] # bound here

    def begin(self, member: Member) -> None:
        self.cast = tuple(each for each in self.cast if each is not member)
        self._add(Process(member.name, member.do, self.now, is_redelivered=member.is_redelivered))

    def go_on(self, at: int) -> None:
        """One call of one process."""
        process = self.processes[at]
        before, timeline = self.incident, dict(self.here.incidents.events[self.incident.incident_id])
        tape, error, is_done = Tape(process.past), None, True
        try:
            process.do(self.here, tape, process.began)
        except Suspended:
            is_done = False
        except NotAllToldError:
            error = "NotAllToldError"
        process = replace(process, past=(*process.past, *tape.new))
        if tape.made:
            process = self._looked_at(process, *tape.made, before)
        self._check_change(before, timeline)
        self.processes = tuple(each for number, each in enumerate(self.processes) if number != at) + (
            () if is_done else (process,)
        )
        if is_done:
            self._answer(process, error)
        self.settle()

    def kill(self, at: int) -> None:
        process = self.processes[at]
        self.deaths, self.faults = self.deaths - 1, self.faults + 1
        self.processes = tuple(each for number, each in enumerate(self.processes) if number != at)
        if process.is_redelivered:
            self._add(Process(process.name + "'", process.do, self.now, is_redelivered=True))
        self._answer(process, DIED)
        self.settle()

    def time_out(self, name: str) -> None:
        self.timeouts -= 1
        execution = self.executions[name]
        self.now = max(self.now, execution.until or 0)
        execution.until = self.now
        self.here.waiting.open_tokens.discard(execution.token or "")
        execution.pass_time()
        self.settle()

    def stop(self, name: str) -> None:
        self.stops, self.faults = self.stops - 1, self.faults + 1
        self.here.waiting.open_tokens.discard(self.executions[name].token or "")
        self.executions[name].stop()
        self.here.executions.ended.add(name)
        self.settle()

    def redrive(self, name: str) -> None:
        """As an operator does, whether or not another execution has taken its place."""
        self.redrives -= 1
        self.executions[name].redrive(self.now)
        self.here.executions.ended.discard(name)
        self.settle()

    def settle(self) -> None:
        """The workflow service does at once what needs no function."""
        for name, given in self.here.executions.started.items():
            if name not in self.executions:
                self.executions[name] = Execution(name, definition("incident"))
                self.executions[name].begin(given, self.now)
        for name, execution in self.executions.items():
            while execution.status == "RUNNING" and (self._take(execution) or self._call(execution)):
                pass
            if execution.status != "RUNNING":
                self.here.executions.ended.add(name)

    def _take(self, execution: Execution) -> bool:
        heard = [answer for token, answer in self.here.waiting.heard if token == execution.token]
        if heard:
            execution.succeed(heard[0], self.now)
        return bool(heard)

    def _call(self, execution: Execution) -> bool:
        call = execution.call
        if execution.is_backing_off:
            execution.until = self.now
            execution.pass_time()
            return True
        if call is None or execution.is_called:
            return False
        execution.is_called = True
        function = self.functions.get(call.function)
        if function is None:
            execution.succeed({"Payload": {"outcome": "kept"}}, self.now)
            return True
        if call.token:
            self.here.waiting.open_tokens.add(call.token)
        token = call.token or f"{execution.name}/{execution.tokens}"

        def do(here: World, tape: Tape, now_ms: int) -> Any:
            return function(here, tape, call.payload, now_ms)

        self._add(Process(f"{call.function}{token[26:]}", do, self.now, token))
        return False

    def _add(self, process: Process) -> None:
        self.processes = (*self.processes, process)

    def _answer(self, process: Process, error: str | None) -> None:
        """Tell the execution that called it, if that still waits for this very call."""
        for execution in self.executions.values():
            call = execution.call
            if call is None or process.token != (call.token or f"{execution.name}/{execution.tokens}"):
                continue
            if execution.status != "RUNNING":
                continue
            if error:
                self.here.waiting.open_tokens.discard(call.token or "")
                execution.fail(error, self.now)
            elif call.token is None:
                execution.succeed({"Payload": {}}, self.now)

    def _looked_at(self, process: Process, name: str, arguments: tuple[Any, ...], before: Incident) -> Process:
        """Whether anybody was told of what is no longer theirs."""
        late = process.late
        if name == "send":
            round_ = int(arguments[0].page_id.split("-")[1])
            is_due = before.status is Status.OPEN and before.round == round_ and not before.is_escalated
            late += not is_due
            self.require(late <= 1, "more than the one message on its way is sent after somebody had answered")
        return replace(process, late=late)

    def _check_change(self, before: Incident, timeline: Mapping[Any, Any]) -> None:
        after, kept = self.incident, self.here.incidents
        events = kept.events[after.incident_id]
        self.require(timeline.items() <= events.items(), "the timeline only grows")
        self.require(after.revision >= before.revision, "revisions only grow")
        is_over = before.status is Status.RESOLVED
        self.require(not is_over or after.status is Status.RESOLVED, "what is over stays over")
        is_taken = before.holder is not None and after.holder not in {None, before.holder}
        self.require(not is_taken, f"{after.holder} took what {before.holder} had")
        self.require(not (after.acknowledged_by and after.snoozed_by), "one has it at most")
        self.require(bool(kept.locks) == (after.status is not Status.RESOLVED), "the lock is held while it is not over")

    def require(self, holds: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
        if not holds:
            raise ViolationError(f"{promise}; after: {', '.join(self.path)}")

    def check_rest(self) -> None:
        """Nothing is under way: what waits, waits for what has not happened, and is looked at in time."""
        waiting = [each for each in self.executions.values() if each.status == "RUNNING"]
        if not self.faults and self.incident.status is not Status.RESOLVED:
            self.require(bool(waiting), "somebody looks after what is not over")
            token = self.here.incidents.token(self.incident.incident_id)
            current = any(token and token[:2] == (each.token, self.incident.standing) for each in waiting)
            self.require(current, "whoever waits, waits for what has not happened yet")
        if not self.faults and self.incident.status is Status.RESOLVED:
            self.require(not waiting, "nobody waits any more for what is over")
        self._check_future()

    def _check_future(self) -> None:
        """Left alone, with its hourly check: what is not over is told in time and no sooner; what is over, recorded."""
        clock = Workflows(self.here, self.now)
        for name, execution in self.executions.items():
            clock.adopt(execution, name)
        before, sent = self.incident, len(self.here.channel.sent)
        due = self._due(before, list(self.executions.values()))
        clock.run_until_told(due, sent, is_checked=self.is_checked_hourly)
        if before.status is Status.RESOLVED:
            self.require(self.incident.recorded_at is not None, "what is over is recorded")
            self.require(self.incident.reported_at is not None, "what is over is reported")
            self.require(len(self.here.channel.sent) == sent, "nobody is told of what is over")
            return
        is_over = self.incident.status is Status.RESOLVED
        self.require(is_over or len(self.here.channel.sent) > sent, "what is not over is told to somebody in time")
        is_early = not is_over and before.status in HELD and clock.now < (before.deadline_at or 0)
        self.require(not is_early, "nobody is told before the time is over of whoever has it")

    def _due(self, incident: Incident, executions: list[Execution]) -> int:
        """Until when somebody is told: the end of its wait; or, where a death left it alone, of the one it waits in."""
        running = [each.until or 0 for each in executions if each.status == "RUNNING"]
        until = max([incident.deadline_at or 0, *(running if self.faults else [])], default=0)
        return max(until, self.now) + (HOUR + 6 * 60_000 if not running else 2_000)


def copied(here: World) -> World:
    kept = here.incidents
    incidents = type(kept)(
        dict(kept.incidents),
        dict(kept.locks),
        {name: dict(events) for name, events in kept.events.items()},
        dict(kept.kept_pages),
        dict(kept.tokens),
        dict(kept.taken),
        dict(kept.recoveries),
    )
    other = replace(
        here,
        incidents=incidents,
        links=replace(here.links, links=dict(here.links.links)),
        channel=replace(here.channel, sent=list(here.channel.sent), alerts=list(here.channel.alerts)),
        executions=replace(here.executions, started=dict(here.executions.started), ended=set(here.executions.ended)),
        objects=replace(here.objects, kept=dict(here.objects.kept)),
        commands=replace(here.commands, sent=dict(here.commands.sent)),
    )
    other.waiting = FakeWaiting(incidents, set(here.waiting.open_tokens), list(here.waiting.heard))
    return other


def waiting(here: World, tape: Tape) -> Any:
    """The real adapter, each of its two calls a step."""
    client: Any = tape.watch(TokenClient(here.waiting))
    client.exceptions = TokenClient.exceptions
    return StepFunctionsWaiting(client, tape.watch(here.incidents))


@dataclass
class Explored:
    """`orders` are the ways from the beginning to a state of rest; `states` are those that differ."""

    states: int = 0
    orders: int = 0
    rests: int = 0


class Explorer:
    def __init__(self) -> None:
        self.found = Explored()
        self._orders: dict[int, int] = {}
        self._texts: dict[int, tuple[Any, str]] = {}

    def explore(self, beginning: Model) -> Explored:
        self.found.orders = self._ways(beginning)
        return self.found

    def _ways(self, model: Model) -> int:
        key = hash(self._key(model))
        if key in self._orders:
            return self._orders[key]
        self.found.states += 1
        if not model.processes:
            self.found.rests += 1
            model.copied().check_rest()
        ways = 0
        for name, step in model.steps():
            following = model.copied()
            following.path = (*model.path, name)
            step(following)
            ways += self._ways(following)
        self._orders[key] = ways or 1
        return ways or 1

    def _key(self, model: Model) -> str:
        here, kept = model.here, model.here.incidents
        parts: list[Any] = [
            model.now,
            [each.name for each in model.cast],
            (model.deaths, model.timeouts, model.stops, model.redrives, model.faults),
            [self._text(each) for each in kept.incidents.values()],
            sorted(kept.events[model.incident.incident_id]),
            sorted(kept.kept_pages),
            kept.tokens,
            sorted(here.waiting.open_tokens),
            [token for token, _ in here.waiting.heard],
            sorted(each.page_id for each in here.channel.sent),
            sorted(here.executions.started),
            [
                (name, each.state, each.status, each.until, each.is_called, each.tokens, each.tries, each.variables)
                for name, each in model.executions.items()
            ],
            sorted(
                (each.name, each.began, each.late, [self._text(answer) for answer in each.past])
                for each in model.processes
            ),
        ]
        return repr(parts)

    def _text(self, thing: Any) -> str:
        known = self._texts.get(id(thing))
        if known is None:
            known = self._texts[id(thing)] = thing, repr(thing)
        return known[1]
