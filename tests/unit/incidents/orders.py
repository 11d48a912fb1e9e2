"""The cast of `exploring`: who may do what to one incident, the functions of its workflow, and where a story begins."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any
from zlib import crc32

from coldwatch.incidents import opening, telling
from coldwatch.incidents.answering import Action, Asked, act, act_as_operator
from coldwatch.incidents.awaiting import await_change
from coldwatch.incidents.changing import carry_out
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.reconciling import hand_over, reconcile
from coldwatch.incidents.recording import record
from coldwatch.incidents.recovery import recover_incident
from coldwatch.incidents.telling import Round, tell
from tests.unit.incidents.builders import NOW, effect, opened, pressed, secret_of, world
from tests.unit.incidents.exploring import Member, Model, Tape, waiting
from tests.unit.incidents.fakes import World
from tests.unit.incidents.workflow import Workflows, reported

SNOOZE_S = 400


def notify(here: World, tape: Tape, asked: Mapping[str, Any], now_ms: int, *, store: Any = None) -> None:
    numbers = count(crc32(asked["task_token"].encode()) << 16)
    watch = tape.watch
    ports = telling.Ports(
        incidents=store or watch(here.incidents),
        links=watch(here.links),
        recipients=watch(here.directory),
        rotas=watch(here.directory),
        notifier=watch(here.channel),
        alerts=watch(here.channel),
        waiting=waiting(here, tape),
        random_bytes=lambda length: next(numbers).to_bytes(length),
        page_base_url="https://page.example/",
    )
    place = asked["incident_id"], asked["round"], asked["step"], asked["task_token"], asked["is_last_try"]
    tell(Round(*place, asked["wait_s"]), ports, now_ms=now_ms)


def _await(here: World, tape: Tape, asked: Mapping[str, Any], now_ms: int) -> None:
    place = asked["incident_id"], asked["task_token"], asked["standing"]
    await_change(*place, tape.watch(here.incidents), waiting(here, tape), now_ms=now_ms)


def _hand_over(here: World, tape: Tape, asked: Mapping[str, Any], now_ms: int) -> None:
    place, store, executions = (asked["round"], asked["step"]), tape.watch(here.incidents), tape.watch(here.executions)
    hand_over(asked["incident_id"], place, asked["number"], store, executions, now_ms=now_ms)


def _record(here: World, _tape: Tape, asked: Mapping[str, Any], now_ms: int) -> None:
    """In one step: what it writes matters to nobody else here."""
    if "part" in asked:
        carry_out(here.incidents, asked["incident_id"], lambda each: reported(each, now_ms))
    else:
        record(asked["incident_id"], here.recording(), now_ms=now_ms)


FUNCTIONS = {"NotifyTier": notify, "AwaitResolution": _await, "HandOverIncident": _hand_over, "RecordIncident": _record}


def responder(who: str, action: Action) -> Member:
    def do(here: World, tape: Tape, now_ms: int) -> None:
        watch = tape.watch
        act(
            secret_of(here, who, 0),
            Asked(action, snooze_s=SNOOZE_S),
            incidents=watch(here.incidents),
            links=here.links,
            roster=here.directory,
            waiting=waiting(here, tape),
            commands=watch(here.commands),
            now_ms=now_ms,
        )

    return Member(f"{who} {action}", do, lambda here: any(each.contact_id == who for each in here.channel.sent))


def operator(action: Action) -> Member:
    def do(here: World, tape: Tape, now_ms: int) -> None:
        (incident_id,) = here.incidents.incidents
        store = tape.watch(here.incidents)
        act_as_operator(
            incident_id, Asked(action), who="op", incidents=store, waiting=waiting(here, tape), now_ms=now_ms
        )

    return Member(f"operator {action}", do)


def _recover(here: World, tape: Tape, now_ms: int) -> None:
    recovery = effect("r1", occurred_at=NOW + 1)
    recover_incident(recovery, tape.watch(here.incidents), waiting(here, tape), now_ms=now_ms)


def _speak_again(here: World, tape: Tape, now_ms: int) -> None:
    watch = tape.watch
    ports = opening.Ports(
        incidents=watch(here.incidents),
        devices=here.directory,
        policies=here.directory,
        detectors=here.directory,
        executions=watch(here.executions),
        waiting=waiting(here, tape),
        forms=here.forms,
    )
    open_incident(effect("e2", occurred_at=NOW + 2), ports, now_ms=now_ms)


def _reconcile(here: World, tape: Tape, now_ms: int) -> None:
    later = now_ms + 10 * 60_000
    done = reconcile(tape.watch(here.incidents), tape.watch(here.executions), with_unrecorded=True, now_ms=later)
    assert not done.faults


ACKNOWLEDGE, RESOLVE, SNOOZE, ESCALATE = Action.ACKNOWLEDGE, Action.RESOLVE, Action.SNOOZE, Action.ESCALATE
RECOVERY = Member("detector recovers", _recover, is_redelivered=True)
AGAIN = Member("detector speaks again", _speak_again, is_redelivered=True)
CHECK = Member("hourly check", _reconcile)


def before_the_first_page(**plan: Any) -> Model:
    here = world(snooze_min_s=1, **plan)
    opened(here)
    return Model(here, NOW, (), FUNCTIONS)


def _after(prepare: Callable[[World, Workflows], None], **plan: Any) -> Model:
    """The story up to there in one fixed order, and the workflow as it waits then."""
    here = world(snooze_min_s=1, **plan)
    opened(here)
    clock = Workflows(here, NOW)
    clock.settle()
    prepare(here, clock)
    clock.settle()
    executions = {name: each.execution for name, each in clock.all.items()}
    return Model(here, clock.now, (), FUNCTIONS, executions=executions)


def told_ana(**plan: Any) -> Model:
    return _after(lambda _here, _clock: None, **plan)


def told_ben_and_cem(**plan: Any) -> Model:
    return _after(lambda _here, clock: clock.run_until(NOW + 60_000), **plan)


def ana_has_it(**plan: Any) -> Model:
    return _after(lambda here, _clock: _press(here, ACKNOWLEDGE), **plan)


def ana_snoozed_it(**plan: Any) -> Model:
    return _after(lambda here, _clock: _press(here, SNOOZE), **plan)


def about_to_hand_over(**plan: Any) -> Model:
    model = told_ana(**plan)
    for execution in model.executions.values():
        execution.variables = {**execution.variables, "turns": 299}
    return model


def _press(here: World, action: Action) -> None:
    pressed(here, secret_of(here, "ana"), Asked(action, snooze_s=SNOOZE_S))


def meeting(
    beginning: Model, *cast: Member, deaths: int = 0, timeouts: int = 1, stops: int = 0, redrives: int = 0
) -> Model:
    """These, from there on, in any order."""
    model = replace(beginning, cast=cast, deaths=deaths, timeouts=timeouts, stops=stops, redrives=redrives)
    model.settle()
    return model
