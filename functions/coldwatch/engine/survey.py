"""What the expressions of a model mention, and what of a message has to be remembered for them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from coldwatch.engine.model import (
    ActionTemplate,
    Expression,
    ExternalAction,
    Field,
    ModelEvent,
    SetTimer,
    SetVariable,
    State,
)
from coldwatch.engine.syntax import Binary, Call, InputReference, Literal, Node, Step, children, walk


def expressions(states: Iterable[State]) -> Iterator[Expression]:
    for state in states:
        for event in state.events:
            if event.condition is not None:
                yield event.condition
            for action in event.actions:
                yield from action_expressions(action)


def action_expressions(action: ActionTemplate) -> Iterator[Expression]:
    match action:
        case SetVariable(value=value):
            yield value
        case SetTimer(duration=duration):
            yield duration
        case ExternalAction(fields=fields, payload=payload):
            yield from _field_expressions(fields)
            if payload is not None:
                yield payload.content


def _field_expressions(field: Field) -> Iterator[Expression]:
    if isinstance(field, Expression):
        yield field
    elif isinstance(field, Mapping):
        for value in field.values():
            yield from _field_expressions(value)


def named_input(node: Node) -> str | None:
    """The input that a node mentions, by a reference or by `currentInput("...")`."""
    match node:
        case InputReference(input_name=name):
            return name
        case Call(function="currentInput", arguments=(Literal(value=str(name)),)):
            return name
    return None


def mentioned_inputs(states: Iterable[State]) -> frozenset[str]:
    names = (named_input(node) for expression in expressions(states) for node in walk(expression.node))
    return frozenset(name for name in names if name is not None)


def remembered(states: Iterable[State], inputs: frozenset[str]) -> Mapping[str, frozenset[tuple[Step, ...]]]:
    """The paths that may be read when another message, or a timer, starts the evaluation.

    What stands behind `currentInput("x") && ...` is read of x's own messages only, so it is not among them: a model
    that guards what it reads keeps nothing of its messages, and a message that changes nothing leaves nothing to store.
    Where there is one input, `triggerType("Message") && ...` says the same.
    """
    paths: dict[str, set[tuple[Step, ...]]] = {}
    for state in states:
        for event in state.events:
            for reference in _unguarded_of_event(event, any_message=len(inputs) == 1):
                paths.setdefault(reference.input_name, set()).add(reference.path)
    return {name: frozenset(found) for name, found in paths.items()}


def _unguarded_of_event(event: ModelEvent, *, any_message: bool) -> Iterator[InputReference]:
    guards = frozenset[str]()
    if event.condition is not None:
        yield from unguarded(event.condition.node, any_message=any_message)
        guards = _guards(event.condition.node)
    for action in event.actions:
        for expression in action_expressions(action):
            yield from unguarded(expression.node, guards, any_message=any_message)


_ANY_MESSAGE: Final = "any message"
"""No input has a blank in its name."""


def unguarded(node: Node, guards: frozenset[str] = frozenset(), *, any_message: bool) -> Iterator[InputReference]:
    """What is read although another message, or a timer, may have started the evaluation.

    With `any_message` it is enough that some message has, whichever it was.
    """
    if isinstance(node, InputReference):
        if node.input_name not in guards and not (any_message and _ANY_MESSAGE in guards):
            yield node
    elif isinstance(node, Binary) and node.operator == "&&":
        yield from unguarded(node.left, guards, any_message=any_message)
        yield from unguarded(node.right, guards | _guards(node.left), any_message=any_message)
    else:
        for child in children(node):
            yield from unguarded(child, guards, any_message=any_message)


def _guards(node: Node) -> frozenset[str]:
    """The inputs of which one must have sent the message wherever the expression holds."""
    match node:
        case Binary(operator="&&", left=left, right=right):
            return _guards(left) | _guards(right)
        case Call(function="currentInput", arguments=(Literal(value=str(name)),)):
            return frozenset((name, _ANY_MESSAGE))
        case Call(function="triggerType", arguments=(Literal(value=str(word)),)) if word.casefold() == "message":
            return frozenset((_ANY_MESSAGE,))
    return frozenset()


def kept(payload: Any, paths: Iterable[tuple[Step, ...]]) -> Any:
    """The part of a payload that the paths can reach; arrays stay whole."""
    by_member: dict[str, list[tuple[Step, ...]]] = {}
    for path in paths:
        if not path or not isinstance(path[0], str):
            return payload
        by_member.setdefault(path[0], []).append(path[1:])
    if not isinstance(payload, dict):
        return payload
    return {member: kept(payload[member], rest) for member, rest in by_member.items() if member in payload}
