"""What an expression always comes to, where its text alone says so."""

from typing import Any, Final

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.interpreter import evaluate
from coldwatch.engine.model import ModelEvent
from coldwatch.engine.scope import Scope
from coldwatch.engine.syntax import Call, InputReference, Node, VariableReference, walk

_NOWHERE: Final = Scope({}, {}, message_input=None)
_ON_THE_OCCASION: Final = frozenset(("timeout", "triggerType", "currentInput"))


def is_constant(node: Node) -> bool:
    return not any(
        isinstance(each, InputReference | VariableReference)
        or (isinstance(each, Call) and each.function in _ON_THE_OCCASION)
        for each in walk(node)
    )


def constant_value(node: Node) -> Any:
    """The value of a constant expression; raises EvaluationError where it can have none."""
    return evaluate(node, _NOWHERE)


def always_holds(event: ModelEvent) -> bool:
    return event.condition is None or _is_always(event.condition.node, value=True)


def never_holds(event: ModelEvent) -> bool:
    return event.condition is not None and _is_always(event.condition.node, value=False)


def _is_always(node: Node, *, value: bool) -> bool:
    """What fails whenever it is evaluated never holds either."""
    if not is_constant(node):
        return False
    try:
        return (constant_value(node) is True) is value
    except EvaluationError:
        return not value
