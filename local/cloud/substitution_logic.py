"""Substitution templates: `${expression}` inside the fields of a rule's action.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-substitution-templates.html
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


class UndefinedTemplateError(ValueError):
    """A template whose expression has no value for this message, or cannot be read."""

    def __init__(self, template: str, expression: str) -> None:
        super().__init__(f"substitution template '{template}' is undefined: '{expression}' has no value")
        self.template = template
        self.expression = expression


@dataclass(frozen=True, slots=True)
class Expression:
    """What stands between `${` and its `}`."""

    text: str


type Piece = str | Expression


def expand(template: str, evaluate: Callable[[str], Any]) -> str:
    """`template` with each `${expression}` replaced by its value as text.

    `evaluate` answers an expression of the rule's SQL, None when it is undefined or null: neither has a text, so the
    whole template fails with UndefinedTemplateError, and the action with it.

    >>> expand("device/${topic(2)}/out", {"topic(2)": "a-1"}.get)
    'device/a-1/out'
    """
    if "${" not in template:
        return template
    return "".join(
        piece if isinstance(piece, str) else _text(template, piece, evaluate(piece.text)) for piece in pieces(template)
    )


@lru_cache(maxsize=1024)
def pieces(template: str) -> tuple[Piece, ...]:
    """The literal and the evaluated parts, in order; an expression without its `}` fails as undefined.

    A `}` inside a string literal or a nested brace does not end the expression.

    >>> pieces("a${replace(x, '}', '')}b")
    ('a', Expression(text="replace(x, '}', '')"), 'b')
    """
    found: list[Piece] = []
    at = 0
    while (start := template.find("${", at)) >= 0:
        end = _end(template, start + 2)
        if end < 0:
            raise UndefinedTemplateError(template, template[start:])
        found += [template[at:start], Expression(template[start + 2 : end].strip())]
        at = end + 1
    return tuple(piece for piece in (*found, template[at:]) if piece)


def _end(template: str, at: int) -> int:
    """Where the expression that starts at `at` has its closing brace; -1 when it has none."""
    depth, quoted = 0, False
    for index in range(at, len(template)):
        character = template[index]
        if character == "'":
            quoted = not quoted  # a doubled quote leaves and enters the literal again
        elif quoted:
            continue
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                return index
            depth -= 1
    return -1


def _text(template: str, expression: Expression, value: Any) -> str:
    """The rule SQL's conversion to String: https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-data-types.html"""
    if value is None:
        raise UndefinedTemplateError(template, expression.text)
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
