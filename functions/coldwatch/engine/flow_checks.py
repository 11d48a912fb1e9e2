"""Findings on the way a detector takes: what is never reached, read too early, or done more often than meant."""

from collections.abc import Mapping

from coldwatch.engine.constants import always_holds, constant_value, is_constant, never_holds
from coldwatch.engine.errors import EvaluationError, FindingType, Level
from coldwatch.engine.flow import Flow, Name, Read, names_set
from coldwatch.engine.model import (
    DetectorModel,
    Expression,
    ExternalAction,
    ModelEvent,
    State,
)
from coldwatch.engine.report import Report
from coldwatch.engine.survey import named_input, unguarded
from coldwatch.engine.syntax import Call, Literal, walk


def check_flow(model: DetectorModel, report: Report) -> None:
    """Of a model without errors."""
    flow = Flow(model)
    for state in model.states.values():
        if state.name not in flow.entered:
            told = f"the state `{state.name}` is never reached"
            report.warning(
                state.path, told, advice=f"no transition that can hold leads to it from `{model.initial_state}`"
            )
        _check_order(state, report)
        _check_leaving(state, report)
        for event in state.events:
            _check_condition(event, report)
    _check_reads(model, flow, report)
    _check_timer_evaluations(model, flow, report)


def _check_order(state: State, report: Report) -> None:
    """The first transition that holds is taken: behind one that always holds, the others wait in vain."""
    always = None
    for transition in state.transitions:
        if always is not None:
            told = f"never reached: `{always}` stands before it and always holds"
            report.warning(transition.path, told, advice="put the one that always holds last")
        elif always_holds(transition):
            always = transition.name


def _check_leaving(state: State, report: Report) -> None:
    if state.on_exit and all(never_holds(transition) for transition in state.transitions):
        told = f"the actions of `onExit` are never reached: nothing leads out of `{state.name}`"
        report.warning(f"{state.path}.onExit", told)


def _check_condition(event: ModelEvent, report: Report) -> None:
    condition = event.condition
    if condition is None or not is_constant(condition.node):
        return
    try:
        value = constant_value(condition.node)
    except EvaluationError:
        return  # told as an expression that nothing can evaluate
    actions = ", so its actions are never reached" if event.actions else ""
    if value is False:
        report.found(Level.WARNING, FindingType.STRUCTURE, condition, f"this never holds{actions}")
    elif value is True and not isinstance(condition.node, Literal):
        advice = "write `true`, or leave it out, if that is meant"
        report.found(Level.WARNING, FindingType.STRUCTURE, condition, "this always holds", advice=advice)


def _check_reads(model: DetectorModel, flow: Flow, report: Report) -> None:
    setters = _setters(model)
    noted: set[Name] = set()
    told: set[tuple[Name, str]] = set()
    for read in flow.reads():
        if read.name not in setters or (read.name, read.path) in told:
            continue  # what nothing ever sets has been told as such
        told.add((read.name, read.path))
        if read.name not in read.known.possible:
            _tell_too_early(read, setters[read.name], report)
        elif read.name.kind == "variable" and read.name not in {*read.known.certain, *noted}:
            noted.add(read.name)
            _tell_maybe_too_early(read, report)


def _tell_too_early(read: Read, states: list[str], report: Report) -> None:
    told = f"no action can have set the {read.name.kind} `{read.name.name}` by then"
    advice = f"it is set in {_listed(states)}, but on no way that leads here"
    if read.expression is None or read.node is None:
        report.warning(read.path, told, FindingType.REFERENCED_DATA, advice=advice)
        return
    report.found(Level.WARNING, FindingType.REFERENCED_DATA, read.expression, told, read.node.span, advice=advice)


def _tell_maybe_too_early(read: Read, report: Report) -> None:
    assert read.expression is not None
    assert read.node is not None
    told = f"the variable `{read.name.name}` may not be set by then; what reads it is undefined until it is"
    advice = "set it in the `onEnter` of the initial state, or ask `isUndefined(...)`"
    report.found(Level.INFO, FindingType.REFERENCED_DATA, read.expression, told, read.node.span, advice=advice)


def _setters(model: DetectorModel) -> Mapping[Name, list[str]]:
    """The states in which each variable and timer is set."""
    found: dict[Name, list[str]] = {}
    for state in model.states.values():
        names = (name for event in state.events for action in event.actions for name in names_set(action))
        for name in dict.fromkeys(names):
            found.setdefault(name, []).append(state.name)
    return found


def _listed(states: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in states[:3]) + (", ..." if len(states) > 3 else "")


def _check_timer_evaluations(model: DetectorModel, flow: Flow, report: Report) -> None:
    """A timer that expires has every condition of the state evaluated once more, with the latest messages."""
    for state in filter(flow.may_have_timers, model.states.values()):
        for event in state.on_input:
            if any(isinstance(action, ExternalAction) for action in event.actions) and not _is_occasional(event):
                _tell_flood(event, report)
        for event in (*state.on_input, *state.transitions):
            if event.condition is not None:
                _check_reading(event.condition, report)


def _is_occasional(event: ModelEvent) -> bool:
    """It asks what the evaluation was started by, so a timer does not make it act unasked."""
    if never_holds(event):
        return True
    nodes = [] if event.condition is None else list(walk(event.condition.node))
    return any(isinstance(n, Call) and n.function in {"timeout", "triggerType", "currentInput"} for n in nodes)


def _tell_flood(event: ModelEvent, report: Report) -> None:
    told = "every timer that expires meanwhile makes this act again, if the latest message still says so"
    if event.condition is None or isinstance(event.condition.node, Literal):
        told = "every timer that expires meanwhile makes this act, too"
    named = (
        next((named_input(n) for n in walk(event.condition.node) if named_input(n)), None) if event.condition else None
    )
    guard = f'currentInput("{named}")' if named else 'triggerType("Message")'
    advice = f"put `{guard} &&` before the condition if it must act on messages alone"
    report.warning(f"{event.path}.actions", told, FindingType.REFERENCED_DATA, advice=advice)


def _check_reading(condition: Expression, report: Report) -> None:
    first = next(unguarded(condition.node, any_message=True), None)
    if first is not None:
        told = "this is read again, from the latest message, when a timer expires"
        advice = f'put `currentInput("{first.input_name}") &&` before it if it must not be'
        report.found(Level.INFO, FindingType.REFERENCED_DATA, condition, told, first.span, advice=advice)
