"""The nodes of an expression. Each carries the span of the text it was read from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as Choice
from typing import NamedTuple

type UnaryOperator = Choice["!", "~", "-"]
type BinaryOperator = Choice["||", "&&", "|", "^", "&", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/"]
type Step = str | int
"""A member's name, or an index of an array."""


class Span(NamedTuple):
    """From the first character to the one behind the last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal:
    value: bool | int | float | str
    span: Span


@dataclass(frozen=True, slots=True)
class Template:
    """A single-quoted string with `${ }` in it: text and expressions in turn."""

    parts: tuple["Node", ...]
    span: Span


@dataclass(frozen=True, slots=True)
class InputReference:
    input_name: str
    path: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class VariableReference:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    operator: UnaryOperator
    operand: "Node"
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    operator: BinaryOperator
    left: "Node"
    right: "Node"
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple["Node", ...]
    span: Span


type Node = Literal | Template | InputReference | VariableReference | Unary | Binary | Call


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Template(parts=parts):
            return parts
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Call(arguments=arguments):
            return arguments
        case Literal() | InputReference() | VariableReference():
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(reversed(children(each)))
