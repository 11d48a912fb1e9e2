"""What to write instead: advice for expressions that cannot be read."""

import re
from collections.abc import Iterable
from typing import Final

_WORDS: Final = {
    "true": "write `true`",
    "false": "write `false`",
    "null": "there is no word for null; ask `isNull(...)`",
    "undefined": "there is no word for it; ask `isUndefined(...)`",
    "and": "write `&&`",
    "or": "write `||`",
    "not": "write `!`",
    "input": "an input's attribute is `$input.<input>.<attribute>`",
    "variable": "a variable is `$variable.<name>`",
    "integer": "`convert` makes a String, a Boolean or a Decimal; nothing converts to an Integer",
}
_MARKS: Final = (
    ("=", "`==` compares; a variable is set by the action `setVariable`"),
    ("%", "there is no remainder; the operators are those of the guide: + - * / | & ^ ~ ! && || == != < <= > >="),
    ("?", "there is no `? :`; write two events, each with its own condition"),
    (";", "an action or a condition holds one expression; write another event or action for the next"),
    ("${", "`${ }` belongs inside single quotes"),
    ("$", "a reference begins with `$input.` or `$variable.`"),
    ("[", "an index is a whole number from 0, such as `[0]`; a member is `.name`"),
    ("+", "a number takes no plus sign"),
    (".", "a Decimal has digits on both sides of its point, such as `0.5`"),
)
_TYPOGRAPHIC: Final = "\u2018\u2019\u201c\u201d\u201e\u00b4"
_LONGEST: Final = 40
_MOST: Final = 200
"""Of a name and of names: comparing them all takes time."""
_DASHED: Final = re.compile(r"\$\w+(?:\s*\.\s*[\w`]+)+-$")
_NAMING_CALL: Final = re.compile(r"\b(timeout|currentInput|triggerType)\s*\(\s*$")


def on_word(word: str, source: str, start: int) -> str:
    before = source[:start]
    if _DASHED.search(before):
        return "if the name has a `-` in it, put it in backticks"
    if _NAMING_CALL.search(before):
        return f'write it in quotes: "{word}"'
    known = _WORDS.get(word.casefold())
    return (
        known
        or "text needs quotes; an input's attribute is `$input.<input>.<attribute>`, a variable `$variable.<name>`"
    )


def close_to(name: str, names: Iterable[str]) -> str | None:
    """Upper and lower case aside, people mistype by a letter or two."""
    from difflib import get_close_matches  # noqa: PLC0415 - no cold start of a function pays for it

    by_small = {each.casefold()[:_LONGEST]: each for each in sorted(names)[:_MOST]}
    close = get_close_matches(name.casefold()[:_LONGEST], by_small, n=1, cutoff=0.75)
    return f"did you mean `{by_small[close[0]]}`?" if close else None


def on_function(name: str, functions: Iterable[str]) -> str:
    return close_to(name, functions) or f"the functions are {', '.join(sorted(functions))}"


def on_mark(source: str, position: int) -> str | None:
    """For what stands where something else was expected; None where there is nothing better to say."""
    if source[position : position + 1] and source[position] in _TYPOGRAPHIC:
        return "these quotes are typographic; write ' or \""
    before = source[max(0, position - 2) : position].strip()
    if source[position : position + 1].isalnum() and not source[position].isascii():
        return "a name with other letters than a to z needs backticks"
    if source.startswith("=", position) and before in {"==", "!="}:
        return f"write `{before}`"
    if source.startswith(">", position) and before.endswith("<"):
        return "not equal is `!=`"
    word = re.compile(r"[A-Za-z]+").match(source, position)
    if word:
        return _WORDS.get(word[0].casefold())
    return next((advice for mark, advice in _MARKS if source.startswith(mark, position)), None)
