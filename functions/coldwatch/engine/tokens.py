"""Reading an expression from left to right: a cursor, and the few words the language is made of.

Tokens are taken when they are asked for and not beforehand, because a string may hold expressions (`'${ ... }'`) that
hold strings in turn.
"""

import re
from dataclasses import dataclass
from typing import Final

from coldwatch.engine.advice import on_mark
from coldwatch.engine.errors import ExpressionError
from coldwatch.engine.syntax import Span

_SPACE: Final = re.compile(r"\s*")
_PATTERNS: Final = {
    "number": re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
    "identifier": re.compile(r"[a-zA-Z][a-zA-Z0-9_]*"),
    "quoted identifier": re.compile(r"`([^`]+)`"),
    "sigil": re.compile(r"\$(input|variable)\b"),
    "index": re.compile(r"\s*\[\s*[0-9]+\s*\]"),
    "dot": re.compile(r"\s*\."),
    "operator": re.compile(r"\|\||&&|==|!=|<=|>=|[|&^<>+\-*/]"),
    "prefix": re.compile(r"[!~-]"),
}
_HTML: Final = re.compile(r"&(gt|lt|amp|quot|apos);")


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    span: Span


class Cursor:
    """A place in an expression. `accept` takes what is there, `expect` insists on it."""

    def __init__(self, source: str, position: int = 0) -> None:
        self.source = source
        self.position = position

    def skip_space(self) -> None:
        self.position = self._behind_space()

    def _behind_space(self) -> int:
        matched = _SPACE.match(self.source, self.position)
        assert matched is not None
        return matched.end()

    def accept(self, kind: str) -> Token | None:
        """The token of this kind that comes next, white space aside; None leaves the cursor where it was."""
        before = self.position
        self.skip_space()
        token = self.accept_here(kind)
        if token is None:
            self.position = before
        return token

    def accept_here(self, kind: str) -> Token | None:
        """Likewise, without any white space before it."""
        matched = _PATTERNS[kind].match(self.source, self.position)
        if matched is None:
            return None
        self.position = matched.end()
        return Token(matched[0], Span(*matched.span()))

    def accept_mark(self, mark: str) -> Token | None:
        before = self.position
        self.skip_space()
        if not self.source.startswith(mark, self.position):
            self.position = before
            return None
        start, self.position = self.position, self.position + len(mark)
        return Token(mark, Span(start, self.position))

    def expect_mark(self, mark: str, opened_by: Token) -> Token:
        token = self.accept_mark(mark)
        if token is None and self.is_at_end():
            raise ExpressionError(f"`{opened_by.text}` is never closed by `{mark}`", self.source, opened_by.span)
        if token is None:
            raise self.error(f"expected `{mark}`")
        return token

    def is_at_end(self) -> bool:
        return self._behind_space() >= len(self.source)

    def error(self, message: str, *, span: Span | None = None, advice: str | None = None) -> ExpressionError:
        """At the given span, or at what comes next; then with advice on what that is."""
        self.skip_space()
        if span is None:
            span, advice = self.next_span(), advice or on_mark(self.source, self.position)
        return ExpressionError(message, self.source, span, advice)

    def refuse_html(self) -> None:
        """Copied from a page, `>` may have become `&gt;`, which would otherwise be told as an odd use of `&`."""
        self.skip_space()
        html = _HTML.match(self.source, self.position)
        if html:
            told = f"`{html[0]}` is HTML for `{_UNESCAPED[html[1]]}`"
            raise ExpressionError(told, self.source, Span(*html.span()), "write the character itself")

    def next_span(self) -> Span:
        """The word or the character that comes next; one column behind the text at its end."""
        start = self.position
        for kind in ("number", "identifier", "sigil", "operator"):
            matched = _PATTERNS[kind].match(self.source, start)
            if matched:
                return Span(*matched.span())
        return Span(start, start + 1)


_UNESCAPED: Final = {"gt": ">", "lt": "<", "amp": "&", "quot": '"', "apos": "'"}
