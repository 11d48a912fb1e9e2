"""Carrying out the actions of an event: those on the detector itself at once, the external ones as data."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError, Level
from coldwatch.engine.evaluation import Action
from coldwatch.engine.fields import evaluated_fields
from coldwatch.engine.model import (
    ActionTemplate,
    ClearTimer,
    ExternalAction,
    ModelEvent,
    ResetTimer,
    SetTimer,
    SetVariable,
)
from coldwatch.engine.payloads import action_execution_id, default_payload, own_payload
from coldwatch.engine.run import Run
from coldwatch.engine.snapshot import Timer
from coldwatch.engine.values import checked_number, checked_value, is_number, type_name

MAX_TIMER_S: Final = 31_622_400
"""366 days."""


@dataclass(frozen=True, slots=True)
class Standard:
    """What a kind of model sends unless an action says otherwise: the id of the execution, and the payload."""

    execution_id: Callable[[Run], str]
    payload: Callable[[Run, str, str], Any]
    """From the event's name and the execution's id."""


_OF_DETECTORS: Final = Standard(action_execution_id, default_payload)


def perform(run: Run, event: ModelEvent) -> None:
    """One that fails is left out and noted; those behind it are carried out all the same."""
    for index, action in enumerate(event.actions):
        attempt(run, action, event.name, f"{event.path}.actions[{index}]")


def attempt(
    run: Run, action: ActionTemplate, event_name: str, path: str, *, standard: Standard = _OF_DETECTORS
) -> None:
    run.reading = None
    try:
        _perform(run, action, event_name, standard)
    except EvaluationError as error:
        run.note(Level.ERROR, event_name, error, run.reading, path=path)


def _perform(run: Run, action: ActionTemplate, event_name: str, standard: Standard) -> None:
    match action:
        case SetVariable():
            run.variables[action.name] = checked_value(
                run.value(action.value), "a variable cannot hold {}; it keeps its value"
            )
        case SetTimer():
            _start(run, action.name, whole_seconds(run.value(action.duration)))
        case ResetTimer():
            _reset(run, action.name)
        case ClearTimer():
            timer = run.timers.pop(action.name, None)
            if timer is not None:
                run.cleared[action.name] = timer.duration_s
        case ExternalAction():
            run.actions.append(external(run, action, event_name, standard))


def whole_seconds(value: Any) -> int:
    """Floored to whole seconds."""
    if not is_number(value):
        raise EvaluationError(f"a timer's duration must be a number, not {type_name(value)}; the timer is not set")
    seconds = floor(checked_number(value))
    if not 1 <= seconds <= MAX_TIMER_S:
        raise EvaluationError(f"a timer cannot be set to {seconds} s, only to 1 to {MAX_TIMER_S:,}; it is not set")
    return seconds


def _start(run: Run, name: str, seconds: int) -> None:
    run.timers[name] = Timer(run.now_ms + seconds * 1000, seconds)
    run.cleared.pop(name, None)


def _reset(run: Run, name: str) -> None:
    """The full duration again, as it was last evaluated; also of a timer that has fired or was cleared."""
    timer = run.timers.get(name)
    seconds = run.cleared.get(name) if timer is None else timer.duration_s
    if seconds is None:
        raise EvaluationError(f"the timer `{name}` was never set, so there is nothing to reset")
    _start(run, name, seconds)


def external(run: Run, action: ExternalAction, event_name: str, standard: Standard = _OF_DETECTORS) -> Action:
    execution_id = standard.execution_id(run)
    fields = evaluated_fields(run, action, execution_id)
    payload: Any = None
    if action.payload is not None:
        payload = own_payload(run, action.payload, event_name)
    elif action.takes_payload:
        payload = standard.payload(run, event_name, execution_id)
    if action.type == "dynamoDBv2" and not isinstance(payload, dict):
        raise EvaluationError("a column is made of each member of the payload, and it is no JSON object")
    return Action(action.type, event_name, fields, payload, execution_id)
