"""DynamoDB's condition and update expressions, as far as the adapters use them; anything else is refused loudly."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

type Item = Mapping[str, Any]
type Operand = Callable[["Scope"], Any]
type Condition = Callable[["Scope"], bool]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+\-]|[#:\w.]+)")
_KEYWORDS = frozenset({"AND", "OR", "NOT", "SET", "REMOVE", "ADD", "DELETE", "BETWEEN", "IN"})


@dataclass(frozen=True, slots=True)
class Scope:
    item: Item
    names: Mapping[str, str]
    values: Mapping[str, Any]

    def path(self, token: str) -> str:
        return self.names[token] if token.startswith("#") else token


class UnknownExpressionError(Exception):
    """The store does not know this part of the language: teach it."""


def holds(expression: str, scope: Scope) -> bool:
    return _condition(expression)(scope)


def updated(expression: str, scope: Scope) -> dict[str, Any]:
    """The item after an update expression; all its operands are read before anything changes."""
    return _update(expression)(scope)


def projected(expression: str, scope: Scope) -> dict[str, Any]:
    found = (scope.path(each.strip()) for each in expression.split(","))
    return {name: scope.item[name] for name in found if name in scope.item}


@cache
def _condition(expression: str) -> Condition:
    parser = _Parser(expression)
    made = parser.either()
    parser.finish()
    return made


@cache
def _update(expression: str) -> Callable[[Scope], dict[str, Any]]:
    return _Parser(expression).update()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise UnknownExpressionError(text)
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token.upper() != expected):
            raise UnknownExpressionError(f"{self.text!r} at {token!r}")
        self.place += 1
        return token

    def accepts(self, keyword: str) -> bool:
        if self.peek().upper() != keyword:
            return False
        self.place += 1
        return True

    def finish(self) -> None:
        if self.peek():
            raise UnknownExpressionError(f"{self.text!r} at {self.peek()!r}")

    def either(self) -> Condition:
        parts = [self.all_of()]
        while self.accepts("OR"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self.accepts("AND"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)

    def one(self) -> Condition:
        if self.accepts("NOT"):
            inner = self.one()
            return lambda scope: not inner(scope)
        if self.accepts("("):
            inner = self.either()
            self.take(")")
            return inner
        if self.peek() in {"attribute_exists", "attribute_not_exists"}:
            return self.presence()
        return self.comparison()

    def presence(self) -> Condition:
        wanted = self.take() == "attribute_exists"
        self.take("(")
        name = self.take()
        self.take(")")
        return lambda scope: (scope.path(name) in scope.item) is wanted

    def comparison(self) -> Condition:
        left, sign, right = self.operand(), self.take(), self.operand()
        if sign not in _SIGNS:
            raise UnknownExpressionError(f"{self.text!r} at {sign!r}")
        compare = _SIGNS[sign]
        return lambda scope: compare(left(scope), right(scope))

    def operand(self) -> Operand:
        token = self.take()
        if token.startswith(":"):
            return lambda scope: scope.values[token]
        if token in {"if_not_exists", "list_append", "size"}:
            return self.function(token)
        if token.upper() in _KEYWORDS or not re.fullmatch(r"#?\w+", token):
            raise UnknownExpressionError(f"{self.text!r} at {token!r}")
        return lambda scope: scope.item.get(scope.path(token))

    def function(self, name: str) -> Operand:
        self.take("(")
        if name == "size":
            measured = self.operand()
            self.take(")")
            return lambda scope: _size(measured(scope))
        if name == "if_not_exists":
            path = self.take()
            self.take(",")
            other = self.operand()
            self.take(")")
            return lambda scope: scope.item[scope.path(path)] if scope.path(path) in scope.item else other(scope)
        first = self.operand()
        self.take(",")
        second = self.operand()
        self.take(")")
        return lambda scope: {"L": [*first(scope)["L"], *second(scope)["L"]]}

    def total(self) -> Operand:
        left = self.operand()
        sign = self.peek()
        if sign not in {"+", "-"}:
            return left
        self.take()
        right, factor = self.operand(), 1 if sign == "+" else -1
        return lambda scope: {"N": str(_number(left(scope)) + factor * _number(right(scope)))}

    def update(self) -> Callable[[Scope], dict[str, Any]]:
        steps: list[Callable[[Scope, dict[str, Any]], None]] = []
        while self.peek():
            clause = self.take().upper()
            if clause not in {"SET", "REMOVE", "ADD"}:
                raise UnknownExpressionError(f"{self.text!r} at {clause!r}")
            steps += self.clause(clause)

        def apply(scope: Scope) -> dict[str, Any]:
            result = dict(scope.item)
            for step in steps:
                step(scope, result)
            return result

        return apply

    def clause(self, kind: str) -> Iterator[Callable[[Scope, dict[str, Any]], None]]:
        while True:
            name = self.take()
            if kind == "SET":
                self.take("=")
                yield _setting(name, self.total())
            elif kind == "REMOVE":
                yield _removing(name)
            else:
                yield _adding(name, self.operand())
            if not self.accepts(","):
                return


def _setting(name: str, value: Operand) -> Callable[[Scope, dict[str, Any]], None]:
    def step(scope: Scope, result: dict[str, Any]) -> None:
        result[scope.path(name)] = value(scope)

    return step


def _removing(name: str) -> Callable[[Scope, dict[str, Any]], None]:
    def step(scope: Scope, result: dict[str, Any]) -> None:
        result.pop(scope.path(name), None)

    return step


def _adding(name: str, value: Operand) -> Callable[[Scope, dict[str, Any]], None]:
    def step(scope: Scope, result: dict[str, Any]) -> None:
        path, more = scope.path(name), value(scope)
        (kind,) = more
        if kind == "N":
            result[path] = {"N": str(_number(result.get(path, {"N": "0"})) + _number(more))}
        else:
            result[path] = {kind: sorted({*result.get(path, {kind: []})[kind], *more[kind]})}

    return step


def _size(attribute: Any) -> Any:
    return None if attribute is None else {"N": str(len(next(iter(attribute.values()))))}


def _number(attribute: Any) -> int:
    return int(attribute["N"])


def _comparable(attribute: Any) -> tuple[str, Any]:
    ((kind, value),) = attribute.items()
    return kind, float(value) if kind == "N" and "." in value else int(value) if kind == "N" else value


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """What is not there, or of another type, compares as false."""

    def check(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        (left_kind, left_value), (right_kind, right_value) = _comparable(left), _comparable(right)
        return left_kind == right_kind and compare(left_value, right_value)

    return check


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left is not None and left == right,
    "<>": lambda left, right: left != right,
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
}
