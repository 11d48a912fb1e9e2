"""Reading members of a JSON document into what they must be; whatever is wrong goes to the report, with its path."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from coldwatch.engine.advice import close_to
from coldwatch.engine.report import Report, shown

MAX_DEPTH: Final = 100
"""Levels of a document. No model comes near; whatever reads one further may call itself once a level."""


def decode(document: bytes | str | Mapping[str, Any], report: Report) -> Mapping[str, Any] | None:
    """The object that the document is. Explicit nulls mean the same as nothing: console exports are full of them."""
    if isinstance(document, Mapping):
        return _shallow(document, report)
    text = document.lstrip(b"\xef\xbb\xbf") if isinstance(document, bytes) else document.lstrip("\ufeff")
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        report.error("", f"not JSON: {json_fault(error)}")
        return None
    if not isinstance(decoded, dict):
        report.error("", f"expected a JSON object, found {shown(decoded)}")
        return None
    return _shallow(decoded, report)


def _shallow(document: Mapping[str, Any], report: Report) -> Mapping[str, Any] | None:
    try:
        return _without_nulls(document, 0)
    except RecursionError:
        report.error("", f"nested more than {MAX_DEPTH} levels deep, which no model is")
        return None


def json_fault(error: Exception) -> str:
    return str(error).removeprefix("JSON is malformed: ")


def _without_nulls(document: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {name: _cleaned(value, depth + 1) for name, value in document.items() if value is not None}


def _cleaned(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise RecursionError
    match value:
        case dict():
            return _without_nulls(value, depth)
        case list():
            return [_cleaned(each, depth + 1) for each in value]
    return value


def is_deeper(value: Any, levels: int) -> bool:
    """Whether a decoded value nests more than that; what does could be read, but not written again."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(is_deeper(each, levels - 1) for each in inside)


def member_path(path: str, member: str) -> str:
    return f"{path}.{member}" if path else member


def text_member(document: Mapping[str, Any], member: str, path: str, report: Report) -> str | None:
    """Text that must be there and not be empty."""
    value = document.get(member)
    if isinstance(value, str) and value:
        return value
    found = "is missing" if value is None else f"must be text, not {shown(value)}"
    report.error(member_path(path, member), f"`{member}` {found}")
    return None


def list_member(document: Mapping[str, Any], member: str, path: str, report: Report) -> list[Any]:
    value = document.get(member, [])
    if isinstance(value, list):
        return value
    report.error(member_path(path, member), f"`{member}` must be a list, not {shown(value)}")
    return []


def object_member(document: Mapping[str, Any], member: str, path: str, report: Report) -> Mapping[str, Any]:
    value = document.get(member, {})
    if isinstance(value, dict):
        return value
    report.error(member_path(path, member), f"`{member}` must be an object, not {shown(value)}")
    return {}


def objects(values: Iterable[Any], path: str, report: Report) -> list[tuple[str, Mapping[str, Any]]]:
    """Each object of a list, with its path."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for index, value in enumerate(values):
        place = f"{path}[{index}]"
        if isinstance(value, dict):
            found.append((place, value))
        else:
            report.error(place, f"expected an object, found {shown(value)}")
    return found


def refuse_others(document: Mapping[str, Any], known: Iterable[str], path: str, report: Report) -> None:
    """A misspelt member would otherwise be left out in silence."""
    known = set(known)
    for member in sorted(document.keys() - known):
        told, advice = f"unknown member `{member}` is ignored", close_to(member, known - document.keys())
        report.warning(member_path(path, member), told, advice=advice)
