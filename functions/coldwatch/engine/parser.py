r"""The grammar of expressions, a rule in the docstring of the function that reads it.

White space and line breaks are free between tokens. The service documented no precedence; this is JavaScript's.

    expression = binary, read with the operators of PRECEDENCE, from the weakest:
                 "||"   "&&"   "|"   "^"   "&"   "==" "!="   "<" "<=" ">" ">="   "+" "-"   "*" "/"
"""

from math import isfinite
from typing import Final, cast

from coldwatch.engine.advice import on_function, on_word
from coldwatch.engine.errors import ExpressionError
from coldwatch.engine.functions import ARITIES
from coldwatch.engine.syntax import (
    Binary,
    BinaryOperator,
    Call,
    InputReference,
    Literal,
    Node,
    Span,
    Step,
    Template,
    Unary,
    UnaryOperator,
    VariableReference,
)
from coldwatch.engine.tokens import Cursor, Token

PRECEDENCE: Final[dict[str, int]] = {
    operator: strength
    for strength, operators in enumerate(
        (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
    )
    for operator in operators
}

MAX_DEPTH: Final = 100
"""Levels of nesting. The service's conditions had 512 characters; this protects the interpreter's own stack."""

MAX_OPERATORS: Final = 250
"""Operators of equal strength in a row, for the same reason."""

_INDEX_DIGITS: Final = 9
_TYPE_WORDS: Final = frozenset({"String", "Boolean", "Decimal"})


def parse(source: str) -> Node:
    """The expression as a tree; raises ExpressionError, which says where and why not.

    >>> parse("$variable.count + 1").operator
    '+'
    """
    parser = _Parser(Cursor(source))
    if parser.cursor.is_at_end():
        raise ExpressionError("the expression is empty", source, Span(0, 1))
    node = parser.binary(0)
    if not parser.cursor.is_at_end():
        is_text = isinstance(node, Literal | Template) and source[parser.cursor.position :].lstrip()[0] in "'\""
        told = "expected an operator or the end of the expression"
        raise parser.cursor.error(told, advice="join text with `+`" if is_text else None)
    return node


def parse_text(source: str) -> Node:
    """Plain text with `${ }` in it, as if it stood between single quotes."""
    cursor = Cursor(source)
    return _template(_Parser(cursor), Span(0, len(source)), end=None)


def parse_path(source: str) -> tuple[str, ...]:
    """`path = segment { "." segment }`, `segment` = word characters and "-", or any text in backticks

    The form of a model's key and of an input's attributes.
    """
    steps: list[str] = []
    position = 0
    while True:
        end = _segment_end(source, position)
        steps.append(source[position:end].strip("`"))
        if end == len(source):
            return tuple(steps)
        if source[end] != ".":
            raise ExpressionError("expected `.` or the end of the path", source, Span(end, end + 1))
        position = end + 1


def _segment_end(source: str, start: int) -> int:
    position = start
    if source.startswith("`", start):
        close = source.find("`", start + 1)
        if close <= start + 1:
            raise ExpressionError("the backtick is never closed, or holds nothing", source, Span(start, start + 1))
        return close + 1
    while position < len(source) and (source[position].isalnum() or source[position] in "_-"):
        position += 1
    if position == start:
        raise ExpressionError("expected a name; other characters need backticks", source, Span(start, start + 1))
    return position


class _Parser:
    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.depth = 0

    def binary(self, weakest: int) -> Node:
        """`binary = unary { operator binary }`, an operator taking to its right what binds more strongly."""
        self._enter()
        self.cursor.skip_space()
        start = self.cursor.position
        left = self.unary()
        for _ in range(MAX_OPERATORS):
            operator = self._operator(weakest)
            if operator is None:
                self.depth -= 1
                return left
            right = self.binary(PRECEDENCE[operator] + 1)
            left = Binary(operator, left, right, Span(start, self.cursor.position))
        raise self._refusal("too many operators in a row")

    def unary(self) -> Node:
        """`unary = ( "!" | "~" | "-" ) unary | primary`."""
        prefix = self.cursor.accept("prefix")
        if prefix is None:
            return self.primary()
        if prefix.text == "-" and (number := _number(self, minus=prefix)) is not None:
            return number
        self._enter()
        operand = self.unary()
        self.depth -= 1
        return Unary(cast("UnaryOperator", prefix.text), operand, Span(prefix.span.start, self.cursor.position))

    def primary(self) -> Node:
        """`primary = parenthesis | number | string | template | reference | word`."""
        for read in (_parenthesis, _number, _quoted, _single_quoted, _reference, _word):
            node = read(self)
            if node is not None:
                return node
        raise self.cursor.error(
            "expected a value" if not self.cursor.is_at_end() else "expected a value, found the end"
        )

    def _operator(self, weakest: int) -> BinaryOperator | None:
        before = self.cursor.position
        self.cursor.refuse_html()
        token = self.cursor.accept("operator")
        if token is None or PRECEDENCE[token.text] < weakest:
            self.cursor.position = before
            return None
        return cast("BinaryOperator", token.text)

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._refusal("nested too deeply")

    def _refusal(self, message: str) -> ExpressionError:
        return self.cursor.error(message, span=self.cursor.next_span(), advice="put parts of it into variables")


def _parenthesis(parser: _Parser) -> Node | None:
    """`parenthesis = "(" binary ")"`."""
    opening = parser.cursor.accept_mark("(")
    if opening is None:
        return None
    node = parser.binary(0)
    parser.cursor.expect_mark(")", opening)
    return node


def _number(parser: _Parser, minus: Token | None = None) -> Node | None:
    """`number = digits [ "." digits ] [ exponent ]`: an Integer, or with a point or an exponent a Decimal.

    A minus before it belongs to it: the smallest Integer has no positive one.
    """
    token = parser.cursor.accept("number")
    if token is None:
        return None
    behind = parser.cursor.accept_here("identifier")
    if behind is not None:
        raise parser.cursor.error("a number ends in letters", span=Span(token.span.start, behind.span.end))
    span = Span((minus or token).span.start, token.span.end)
    text = ("-" if minus else "") + token.text
    value = _decimal(parser, text, span) if set(text) & set(".eE") else _integer(parser, text, span)
    return Literal(value, span)


def _integer(parser: _Parser, text: str, span: Span) -> int:
    if len(text.lstrip("-0")) > 19 or not -(1 << 63) <= int(text) < 1 << 63:
        advice = "a Decimal can be larger: put `.0` behind it"
        raise parser.cursor.error("the Integer does not fit in 64 bits", span=span, advice=advice)
    return int(text)


def _decimal(parser: _Parser, text: str, span: Span) -> float:
    value = float(text)
    if not isfinite(value):
        raise parser.cursor.error("the Decimal is too large", span=span)
    return value


def _quoted(parser: _Parser) -> Node | None:
    r"""`string = '"' { character | '\"' } '"'`, in which nothing is substituted."""
    opening = parser.cursor.accept_mark('"')
    if opening is None:
        return None
    text, _ = _text(parser, opening, '"', holds_templates=False)
    return Literal(text, Span(opening.span.start, parser.cursor.position))


def _single_quoted(parser: _Parser) -> Node | None:
    r"""`template = "'" { character | "\'" | substitution } "'"`."""
    opening = parser.cursor.accept_mark("'")
    return None if opening is None else _template(parser, opening.span, end="'")


def _template(parser: _Parser, opening: Span, *, end: str | None) -> Node:
    """A Literal where nothing is substituted. Without an `end` the text goes up to the end of the source."""
    parts: list[Node] = []
    cursor = parser.cursor
    mark = Token("'", opening)
    while True:
        start = cursor.position
        text, is_over = _text(parser, mark, end, holds_templates=True)
        if text:
            parts.append(Literal(text, Span(start, cursor.position)))
        if is_over:
            break
        parts.append(_substitution(parser))
    span = Span(opening.start, cursor.position)
    if not parts:
        return Literal("", span)
    if len(parts) == 1 and isinstance(parts[0], Literal) and isinstance(parts[0].value, str):
        return Literal(parts[0].value, span)
    return Template(tuple(parts), span)


def _substitution(parser: _Parser) -> Node:
    """`substitution = "${" binary "}"`."""
    opening = parser.cursor.accept_mark("${")
    assert opening is not None
    node = parser.binary(0)
    # The brace must be taken without the white space behind it, which belongs to the text.
    parser.cursor.expect_mark("}", opening)
    return node


def _text(parser: _Parser, opening: Token, end: str | None, *, holds_templates: bool) -> tuple[str, bool]:
    """The text up to a `${` or behind the closing quote, and whether that quote has come.

    A backslash escapes the closing quote and nothing else: all the others belong to the text, which often is JSON.
    """
    cursor, source = parser.cursor, parser.cursor.source
    text: list[str] = []
    while cursor.position < len(source):
        character = source[cursor.position]
        if holds_templates and source.startswith("${", cursor.position):
            return "".join(text), False
        if end is not None and character == "\\" and source.startswith(end, cursor.position + 1):
            character, cursor.position = end, cursor.position + 1
        elif character == end:
            cursor.position += 1
            return "".join(text), True
        text.append(character)
        cursor.position += 1
    if end is not None:
        raise cursor.error("the string is never closed", span=opening.span)
    return "".join(text), True


def _reference(parser: _Parser) -> Node | None:
    """`reference = "$input" "." name { "." name | "[" digits "]" } | "$variable" "." name`."""
    sigil = parser.cursor.accept("sigil")
    if sigil is None:
        return None
    steps = list(_steps(parser, sigil))
    span = Span(sigil.span.start, parser.cursor.position)
    name = steps[0]
    assert isinstance(name, str)
    if sigil.text == "$input":
        return InputReference(name, tuple(steps[1:]), span)
    if len(steps) > 1:
        advice = "put a name with a dot in it in backticks; members are read of an input"
        raise parser.cursor.error("a variable is a single value, without members", span=span, advice=advice)
    return VariableReference(name, span)


def _steps(parser: _Parser, sigil: Token) -> list[Step]:
    """`{ "." name { "[" digits "]" } }`, `name` = an identifier, or any text in backticks."""
    steps: list[Step] = []
    while parser.cursor.accept_here("dot"):
        name = parser.cursor.accept("identifier")
        quoted = None if name else parser.cursor.accept("quoted identifier")
        if name is None and quoted is None:
            advice = "in backticks, if it is not made of letters, digits and `_`, a letter first"
            raise parser.cursor.error("expected a name", advice=advice)
        steps.append(name.text if name else quoted.text[1:-1] if quoted else "")
        while len(steps) > 1 and (index := parser.cursor.accept_here("index")):
            steps.append(_index(parser, index))
    if not steps:
        raise parser.cursor.error(f"expected `.` and a name after `{sigil.text}`")
    return steps


def _index(parser: _Parser, token: Token) -> int:
    digits = "".join(filter(str.isdigit, token.text)).lstrip("0") or "0"
    if len(digits) > _INDEX_DIGITS:
        raise parser.cursor.error("no array is that long", span=token.span)
    return int(digits)


def _word(parser: _Parser) -> Node | None:
    """`word = "true" | "false" | "String" | "Boolean" | "Decimal" | call`."""
    name = parser.cursor.accept("identifier")
    if name is None:
        return None
    opening = parser.cursor.accept_mark("(")
    if opening is not None:
        return _call(parser, name, opening)
    if name.text in {"true", "false"}:
        return Literal(name.text == "true", name.span)
    if name.text in _TYPE_WORDS:
        return Literal(name.text, name.span)
    advice = on_word(name.text, parser.cursor.source, name.span.start)
    raise parser.cursor.error(f"unknown word `{name.text}`", span=name.span, advice=advice)


def _call(parser: _Parser, name: Token, opening: Token) -> Node:
    """`call = name "(" [ binary { "," binary } ] ")"`."""
    if name.text not in ARITIES:
        advice = on_function(name.text, ARITIES)
        raise parser.cursor.error(f"unknown function `{name.text}`", span=name.span, advice=advice)
    arguments: list[Node] = []
    if parser.cursor.accept_mark(")") is None:
        arguments.append(parser.binary(0))
        while parser.cursor.accept_mark(","):
            arguments.append(parser.binary(0))
        parser.cursor.expect_mark(")", opening)
    expected = ARITIES[name.text]
    span = Span(name.span.start, parser.cursor.position)
    if len(arguments) != expected:
        told = f"`{name.text}` takes {expected} argument{'s' * (expected > 1)}, not {len(arguments)}"
        raise parser.cursor.error(told, span=span)
    return Call(name.text, tuple(arguments), span)
