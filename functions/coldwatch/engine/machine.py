"""The step: a detector and what happens to it, to the detector afterwards and what is to be done.

One message:

1. A detector that is not there yet is created in the initial state, whose `onEnter` runs for the same message.
2. `onInput` of the current state: its events, then its transitions, of which the first that holds is taken.
3. A transition does its own actions, then `onExit` of the old state; then the state changes, and `onEnter` of the new
   one runs. Its `onInput` waits for the next message. A transition to the same state is one like any other.

A timer that expires starts an evaluation of `onInput` in the same way, with the inputs as they were last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from coldwatch.engine.actions import perform
from coldwatch.engine.errors import EvaluationError, KeyMissingError, Level
from coldwatch.engine.evaluation import (
    Action,
    ConditionResult,
    Evaluation,
    Message,
    Note,
    Outcome,
    Trigger,
)
from coldwatch.engine.interpreter import follow
from coldwatch.engine.model import DetectorModel, EvaluationMethod, LifeCycle, ModelEvent, State, TransitionEvent
from coldwatch.engine.run import Run
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch.engine.values import UNDEFINED, text_of

__all__ = [
    "Action",
    "Evaluation",
    "Message",
    "Note",
    "Trigger",
    "advance",
    "evaluate",
    "expirations",
    "expire",
    "key_value",
]

MAX_KEY: Final = 1_024


def key_value(model: DetectorModel, message: Message) -> str | None:
    """Which detector a message is for; None where the model has one detector only. Raises KeyMissingError."""
    if model.key is None:
        return None
    value = follow(message.payload, model.key_path)
    if value is UNDEFINED or value is None or value == "":
        raise KeyMissingError(f"the message has no `{model.key}`, which names the detector")
    try:
        text = text_of(value)
    except EvaluationError as error:
        raise KeyMissingError(f"`{model.key}` cannot name the detector: {error.message}") from None
    if len(text) > MAX_KEY:
        raise KeyMissingError(f"`{model.key}` names the detector, but is longer than {MAX_KEY:,} characters")
    return text


def evaluate(
    model: DetectorModel, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int
) -> Evaluation:
    """What a message does to a detector, which it creates where there is none."""
    trigger = Trigger("message", message.input_name, message.message_id)
    before = snapshot or Snapshot(model.initial_state, {}, {}, {})
    run = Run(model, before, trigger, key=key, now_ms=now_ms)
    # The latest message of an input replaces the one before it, it does not complete it.
    run.inputs[message.input_name] = message.payload
    if snapshot is None:
        _run_group(run, LifeCycle.ON_ENTER, model.states[model.initial_state].on_enter)
    _run_input(run)
    return run.finished(snapshot)


def expire(model: DetectorModel, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
    """What the expiry of a timer does. One that is not pending changes nothing, and is noted: it was told twice."""
    trigger = Trigger("timer", timer_name=timer_name)
    timer = snapshot.timers.get(timer_name)
    if timer is None or not timer.is_pending:
        run = Run(model, snapshot, trigger, key=key, now_ms=now_ms)
        run.note(Level.INFO, "", EvaluationError(f"the timer `{timer_name}` is not pending"))
        return run.finished(snapshot)
    fired = replace(snapshot, timers={**snapshot.timers, timer_name: replace(timer, is_expired=True)})
    run = Run(model, fired, trigger, key=key, now_ms=now_ms)
    _run_input(run)
    return run.finished(snapshot)


def advance(model: DetectorModel, snapshot: Snapshot, *, key: str | None, until_ms: int) -> list[Evaluation]:
    """Every timer that is due by then (epoch ms, included), in order, each at its own time."""
    return list(expirations(model, snapshot, key=key, until_ms=until_ms))


def expirations(model: DetectorModel, snapshot: Snapshot, *, key: str | None, until_ms: int) -> Iterator[Evaluation]:
    """Likewise, one by one: a timer that resets itself has no last one."""
    while (due := next_due(snapshot)) is not None and due[0] <= until_ms:
        evaluation = expire(model, snapshot, due[1], key=key, now_ms=due[0])
        yield evaluation
        snapshot = evaluation.after


def _run_input(run: Run) -> None:
    state = run.model.states.get(run.state)
    if state is None:
        run.note(Level.ERROR, "", EvaluationError(f"the model has no state `{run.state}`"))
        return
    transition = _run_group(run, LifeCycle.ON_INPUT, state.on_input, state.transitions)
    if transition is not None:
        _take(run, state, transition)


def _take(run: Run, state: State, transition: TransitionEvent) -> None:
    perform(run, transition)
    _run_group(run, LifeCycle.ON_EXIT, state.on_exit)
    run.state = transition.next_state
    run.has_transitioned = True
    _run_group(run, LifeCycle.ON_ENTER, run.model.states[run.state].on_enter)


def _run_group(
    run: Run, life_cycle: LifeCycle, events: Sequence[ModelEvent], transitions: Sequence[TransitionEvent] = ()
) -> TransitionEvent | None:
    """The actions of all events whose condition holds; the transition to take, its actions not yet done."""
    if run.model.evaluation_method is EvaluationMethod.SERIAL:
        for event in events:
            if _holds(run, life_cycle, event):
                perform(run, event)
        return _first(run, life_cycle, transitions)
    # No condition of the group runs after an action of it, so all see the variables as they were.
    holding = [event for event in events if _holds(run, life_cycle, event)]
    transition = _first(run, life_cycle, transitions)
    for event in holding:
        perform(run, event)
    return transition


def _first(run: Run, life_cycle: LifeCycle, transitions: Sequence[TransitionEvent]) -> TransitionEvent | None:
    taken: TransitionEvent | None = None
    for transition in transitions:
        if taken is not None:
            details = f"Skipped due to transition from {taken.name} event"
            run.results.append(_result(run, life_cycle, transition, Outcome.SKIPPED, details))
        elif _holds(run, life_cycle, transition):
            taken = transition
    return taken


def _holds(run: Run, life_cycle: LifeCycle, event: ModelEvent) -> bool:
    is_true = run.holds(event.condition, event.name)
    run.results.append(_result(run, life_cycle, event, Outcome.TRUE if is_true else Outcome.FALSE))
    return is_true


def _result(
    run: Run, life_cycle: LifeCycle, event: ModelEvent, outcome: Outcome, details: str | None = None
) -> ConditionResult:
    is_transition = isinstance(event, TransitionEvent)
    return ConditionResult(outcome, event.name, run.state, life_cycle, is_transition, details)
