"""A published message as a rule's SQL reads it, with its bytes whole.

The SQL itself is evaluated by MiniStack; here stands what it gets wrong: which payloads are JSON, and what `*` means
for one that is not. https://docs.aws.amazon.com/iot/latest/developerguide/binary-payloads.html
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import isinf
from typing import Any, NoReturn

from ministack.services import iot

UNDEFINED = iot._MISSING  # noqa: SLF001 - the rule SQL's Undefined, one object throughout MiniStack's evaluator
_UNREAD = object()
_BYTES_OF_PAYLOAD = "*"


class RuleSqlError(ValueError):
    """The rule's SQL has no result for this message."""


@dataclass(slots=True)
class Message:
    """One published message while its rules are evaluated."""

    topic: str
    payload: bytes
    client_id: str | None
    _decoded: Any = _UNREAD

    def decoded(self) -> Any:
        """The payload as JSON; UNDEFINED when it is not JSON. Read once, and only when something asks for it."""
        if self._decoded is _UNREAD:
            self._decoded = decode(self.payload)
        return self._decoded

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of the rule SQL, or UNDEFINED."""
        read = _read_directly(expression)
        if read is not None:
            return read(self)
        message = self.decoded() if _reads_payload(expression) else UNDEFINED
        return iot._eval_select_expr(expression, self.topic, self.payload, message, self.client_id)  # noqa: SLF001 - MiniStack's evaluator

    def matches(self, sql: str) -> bool:
        """Whether the WHERE clause holds; a predicate that is Undefined does not."""
        condition = iot._rule_where_clause(sql)  # noqa: SLF001 - likewise
        return not condition or bool(
            iot._eval_where(condition, self.topic, self.payload, self.decoded(), self.client_id)  # noqa: SLF001 - likewise
        )

    def select(self, sql: str) -> Any:
        """What the SELECT clause makes of the message: a JSON value, or bytes for `SELECT *` of what is not JSON.

        `*` beside other columns adds them to a JSON object (or to an empty payload). For any other payload it has no
        result, and RuleSqlError says so, so that the bytes reach the errorAction instead of being left out.
        """
        columns = _columns(sql)
        if columns == (("*", "*"),):
            return self.payload if self.decoded() is UNDEFINED else self.decoded()
        event: dict[str, Any] = {}
        for expression, name in columns:
            if expression == "*":
                self._add_whole(event, name)
            elif (value := self.evaluate(expression)) is not UNDEFINED:
                event[name] = value
        return event

    def _add_whole(self, event: dict[str, Any], name: str) -> None:
        whole = self.decoded() if self.payload else {}
        if name != "*" and whole is not UNDEFINED:
            event[name] = whole
        elif isinstance(whole, dict):
            event.update(whole)
        else:
            raise RuleSqlError("the payload is not a JSON object, so '*' cannot stand beside other columns")


def decode(payload: bytes) -> Any:
    """The JSON value of a payload, or UNDEFINED.

    Strict, because the result is written as JSON again: NaN and Infinity are no JSON, a number beyond a double would
    become one, and what nests too deep to be read is not read.
    """
    try:
        return _DECODER.decode(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        return UNDEFINED


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8, or the bytes themselves."""
    if isinstance(value, bytes):
        return value
    text = _ENCODER.encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot hold
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


@lru_cache(maxsize=1024)
def _columns(sql: str) -> tuple[tuple[str, str], ...]:
    """(expression, name) of each column; `*` without an alias is named `*`."""
    items = iot._split_select_items(iot._rule_select_clause(sql)) or ["*"]  # noqa: SLF001 - MiniStack's parser
    split = [iot._split_select_alias(item) for item in items]  # noqa: SLF001 - likewise
    return tuple((expression, alias or iot._select_default_key(expression)) for expression, alias in split)  # noqa: SLF001 - likewise


@lru_cache(maxsize=4096)
def _read_directly(expression: str) -> Callable[[Message], Any] | None:
    """How to read what every rule asks of every message, without MiniStack's evaluator parsing it again."""
    found = _TOPIC_LEVEL.fullmatch(expression.strip())
    if found:
        return partial(_level, index=int(found["level"]))
    return _DIRECTLY.get("".join(expression.split()).lower())


def _level(message: Message, *, index: int) -> Any:
    levels = message.topic.split("/")
    return levels[index - 1] if 0 < index <= len(levels) else UNDEFINED


_TOPIC_LEVEL = re.compile(r"topic\(\s*(?P<level>\d+)\s*\)", re.IGNORECASE)
_DIRECTLY: dict[str, Callable[[Message], Any]] = {
    "topic()": lambda message: message.topic,
    "clientid()": lambda message: message.client_id or "n/a",
    "encode(*,'base64')": lambda message: b64encode(message.payload).decode(),
}


@lru_cache(maxsize=4096)
def _reads_payload(expression: str) -> bool:
    """Whether the expression needs the payload as JSON; `encode(*, ...)` takes its bytes. In doubt, it does."""
    expression = expression.strip()
    if iot._sql_string_value(expression) is not None or _is_number(expression):  # noqa: SLF001 - likewise
        return False
    call = iot._SELECT_FUNC_RE.match(expression)  # noqa: SLF001 - likewise
    if call is None:
        return True
    arguments = iot._split_select_items(call.group("args"))  # noqa: SLF001 - likewise
    if call.group("name").lower() == "encode":
        arguments = [argument for argument in arguments if argument != _BYTES_OF_PAYLOAD]
    return any(_reads_payload(argument) for argument in arguments)


def _is_number(expression: str) -> bool:
    try:
        float(expression)
    except ValueError:
        return False
    return True


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise ValueError(f"{text} is beyond a double")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
