"""What `coldwatch policy` and `coldwatch rota` share: documents in files, their versions, who changed what and why."""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context, argument
from coldwatch_ops.errors import NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.incidents.store import operator_name
from coldwatch_ops.text import count, escape, table
from coldwatch_ops.times import rfc3339

if TYPE_CHECKING:
    from coldwatch.adapters.versioned_documents import Change, DynamoDocuments, Version

_OURS = ("version",)
_MOST_CHANGES = 4
"""Shown of a version; `--json` has both documents."""


def reason(text: str) -> str:
    """For `type=`: words. argparse tells the ValueError as a wrong call."""
    if not text.strip():
        raise ValueError(text)
    return text


FILE = argument("file", metavar="FILE", help="JSON, as its schema describes it")
FILES = argument("files", nargs="+", metavar="FILE", help="JSON, as its schema describes it")
WHY = argument("--why", default="", metavar="TEXT", help="kept with the version")
NEEDED_WHY = argument("--why", required=True, type=reason, metavar="TEXT", help="kept with the version")


def read_json(path: Path, thing: str) -> dict[str, Any]:
    """The object in a file. UsageError when it holds none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path} holds no {thing}: it is not a JSON object.")
    return document


def wrong(path: Path, faults: Sequence[str]) -> UsageError:
    """A single fault in the sentence, several below it."""
    if len(faults) == 1:
        return UsageError(f"{path}: {faults[0]}.")
    return UsageError(f"{path} has {count(len(faults), 'fault')}:", tuple(f"{each}." for each in faults))


def validated(checked: Sequence[tuple[str, list[str], list[str]]], thing: str) -> Answer:
    """Of files, each with its faults and remarks."""
    told: list[str] = []
    for path, faults, remarks in checked:
        told.append(f"{escape(path)} is a {thing}." if not faults else f"{escape(path)} is no {thing}:")
        told += [f"  {escape(each)}." for each in faults]
        told += [f"  remark: {escape(each)}." for each in remarks]
    document = [
        {"file": path, "is_valid": not faults, "faults": faults, "remarks": remarks}
        for path, faults, remarks in checked
    ]
    is_clean = not any(faults for _, faults, _ in checked)
    return Answer({"files": document}, tuple(told), ExitCode.OK if is_clean else ExitCode.FAILED)


def put_version(
    kept: "DynamoDocuments", document_id: str, document: Mapping[str, Any], options: Namespace, context: Context
) -> tuple[dict[str, Any], bool]:
    """The document as it is in force now, and whether that is another than before. The version counts up."""
    before = _before(kept, document_id)
    if before is not None and _content(before) == _content(document):
        return before, False
    versions = [each.version for each in kept.history(document_id)]
    number = 1 + max((int(each) for each in versions if each.isdecimal()), default=0)
    numbered = {**document, "version": str(number)}
    if not kept.put(document_id, numbered, _change(options, context)):
        raise RefusedError(f"Somebody else put version {number} of {document_id} just now: look at it, and put again.")
    return numbered, True


def told_history(kept: "DynamoDocuments", document_id: str, thing: str) -> Answer:
    versions = kept.history(document_id)
    if not versions:
        raise NotFoundError(f"There is no {thing} {document_id}: coldwatch {thing} put FILE")
    changes = [differences(earlier, each.document) for earlier, each in _with_earlier(versions)]
    document = [
        {
            "version": each.version,
            "at": each.change.at,
            "who": each.change.who,
            "why": each.change.why,
            "changes": changed,
            "document": each.document,
        }
        for each, changed in zip(versions, changes, strict=True)
    ]
    rows = [
        (each.version, rfc3339(each.change.at or None), each.change.who, each.change.why, _shown(changed))
        for each, changed in zip(versions, changes, strict=True)
    ]
    drawn = table(("version", "when", "who", "why", "what"), rows, numeric=("version",))
    return Answer({"versions": document}, (drawn, count(len(versions), "version") + "."))


def version_of(kept: "DynamoDocuments", document_id: str, version: str) -> dict[str, Any]:
    for each in kept.history(document_id):
        if each.version == version:
            return each.document
    raise NotFoundError(f"There is no version {version} of {document_id}.")


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """`path: old → new` for each value that changed; nothing for a first version."""
    if before is None:
        return []
    old, new = dict(_leaves(_content(before))), dict(_leaves(_content(after)))
    paths = [path for path in dict.fromkeys([*old, *new]) if old.get(path) != new.get(path)]
    return [f"{path}: {_value(old, path)} → {_value(new, path)}" for path in paths]


def _with_earlier(versions: Sequence["Version"]) -> Iterator[tuple[dict[str, Any] | None, "Version"]]:
    yield from zip([None, *(each.document for each in versions[:-1])], versions, strict=True)


def _shown(changes: Sequence[str]) -> str:
    more = len(changes) - _MOST_CHANGES
    return "\n".join([*changes[:_MOST_CHANGES], *([f"and {more} more"] if more > 0 else [])])


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for name, each in value.items():
                yield from _leaves(each, f"{path}.{name}".removeprefix("."))
        case list():
            for number, each in enumerate(value):
                yield from _leaves(each, f"{path}[{number}]")
        case _:
            yield path, value


def _value(leaves: Mapping[str, Any], path: str) -> str:
    return json.dumps(leaves[path], ensure_ascii=False) if path in leaves else "nothing"


def _before(kept: "DynamoDocuments", document_id: str) -> dict[str, Any] | None:
    """None where there is none, or none that can be read: a new one takes its place."""
    try:
        return kept.find(document_id)
    except ValueError:
        return None


def _change(options: Namespace, context: Context) -> "Change":
    from coldwatch.adapters.versioned_documents import Change  # noqa: PLC0415 - boto3 is an optional dependency

    return Change(context.now_ms(), options.who or operator_name(), options.why)


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OURS}
