"""What the events that an evaluation can come to do, and ask about."""

from collections.abc import Iterable, Iterator, Sequence

from coldwatch.engine.expression_code import DEEPEST, NotCompiledError
from coldwatch.engine.model import ExternalAction, ModelEvent
from coldwatch.engine.survey import action_expressions
from coldwatch.engine.syntax import Call, Literal, Node, children, walk


def timers_asked(events: Iterable[ModelEvent], timers: Sequence[str]) -> list[int]:
    """The numbers of the timers that a condition or a value asks about."""
    nodes = (node for event in events for root in roots(event) for node in walk(root))
    names = {
        node.arguments[0].value
        for node in nodes
        if isinstance(node, Call) and node.function == "timeout" and isinstance(node.arguments[0], Literal)
    }
    return [index for index, name in enumerate(timers) if name in names]


def acts(events: Iterable[ModelEvent]) -> bool:
    return any(isinstance(action, ExternalAction) for event in events for action in event.actions)


def asks_timers(node: Node) -> bool:
    """Whether a timer has expired was settled when the evaluation began; later code may have set it anew."""
    return any(isinstance(each, Call) and each.function == "timeout" for each in walk(node))


def roots(event: ModelEvent) -> Iterator[Node]:
    if event.condition is not None:
        yield event.condition.node
    for action in event.actions:
        yield from (expression.node for expression in action_expressions(action))


def shallow(node: Node) -> Node:
    if _depth(node) > DEEPEST:
        raise NotCompiledError
    return node


def _depth(node: Node) -> int:
    return 1 + max(map(_depth, children(node)), default=0)


def any_of(timers: Sequence[int], *names: str) -> str:
    """Source that asks whether one of the timers was read, or one of the names holds."""
    return " or ".join((*names, *(f"r{timer}" for timer in timers)))
