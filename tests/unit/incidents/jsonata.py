"""The little of JSONata that the state machines here use: numbers, texts, variables, members, items, `in`, comparison,
sums, a condition, `$count`, `$exists` and `$min`. Anything else is an error, so that a machine cannot outgrow it
unnoticed; the local cloud runs the same machines with all of it.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

type Variables = Mapping[str, Any]
type Expression = Callable[[Variables], Any]

_TOKEN = re.compile(r"\s*(?:(\d+)|'([^']*)'|(\$?[a-zA-Z_]\w*)|(<=|>=|[-+*<>=?:.,()\[\]]))")
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "$count": len,
    "$exists": lambda value: value is not None,
    "$min": min,
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
}
_SUM: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
}
_PRODUCT: dict[str, Callable[[Any, Any], Any]] = {"*": lambda left, right: left * right}


class QueryEvaluationError(Exception):
    """`States.QueryEvaluationError`: what no execution survives."""


def evaluate(template: Any, variables: Variables) -> Any:
    """A template of a state: what stands between `{%` and `%}` is evaluated, wherever it stands."""
    match template:
        case str() if template.startswith("{%"):
            value = compiled(template[2:-2])(variables)
            if value is None:
                raise QueryEvaluationError(f"{template} is undefined")
            return value
        case dict():
            return {name: evaluate(each, variables) for name, each in template.items()}
        case list():
            return [evaluate(each, variables) for each in template]
    return template


@cache
def compiled(text: str) -> Expression:
    reader = _Reader(text)
    expression = reader.condition()
    if reader.tokens:
        raise QueryEvaluationError(f"{text!r} goes on with {reader.tokens[0]!r}")
    return expression


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                raise QueryEvaluationError(f"{text!r}: nobody here reads {text[at:]!r}")
            self.tokens.append(f"'{found[2]}" if found[2] is not None else found[0].strip())
            at = found.end()

    def condition(self) -> Expression:
        test = self._chain(_COMPARE, lambda: self._chain(_SUM, lambda: self._chain(_PRODUCT, self._path)))
        if not self._take("?"):
            return test
        yes = self.condition()
        self._expect(":")
        no = self.condition()
        return lambda variables: yes(variables) if test(variables) else no(variables)

    def _chain(self, operators: dict[str, Callable[[Any, Any], Any]], operand: Callable[[], Expression]) -> Expression:
        left = operand()
        while self.tokens and self.tokens[0] in operators:
            left = _joined(operators[self.tokens.pop(0)], left, operand())
        return left

    def _path(self) -> Expression:
        value = self._primary()
        while self.tokens and self.tokens[0] in {".", "["}:
            if self.tokens.pop(0) == ".":
                value = _member(value, self.tokens.pop(0))
            else:
                value = _joined(lambda items, index: items[index], value, self.condition())
                self._expect("]")
        return value

    def _primary(self) -> Expression:
        token = self.tokens.pop(0)
        if token.isdigit():
            return lambda _: int(token)
        if token.startswith("'"):
            return lambda _: token[1:]
        if token == "[":
            return self._list()
        if token in _FUNCTIONS:
            self._expect("(")
            function, argument = _FUNCTIONS[token], self.condition()
            self._expect(")")
            return lambda variables: function(argument(variables))
        if token.startswith("$"):
            return _member(dict, token[1:])
        raise QueryEvaluationError(f"nobody here reads {token!r}")

    def _list(self) -> Expression:
        items = [self.condition()]
        while self._take(","):
            items.append(self.condition())
        self._expect("]")
        return lambda variables: [item(variables) for item in items]

    def _take(self, token: str) -> bool:
        is_next = bool(self.tokens) and self.tokens[0] == token
        if is_next:
            self.tokens.pop(0)
        return is_next

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise QueryEvaluationError(f"{token!r} is missing before {self.tokens[:1]}")


def _joined(operator: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Expression:
    return lambda variables: operator(left(variables), right(variables))


def _member(of: Expression, name: str) -> Expression:
    def found(variables: Variables) -> Any:
        holder = of(variables)
        return holder.get(name) if isinstance(holder, Mapping) else None

    return found
