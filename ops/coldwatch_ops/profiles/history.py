"""The history of profiles as files: `profile_history.jsonl`, a line for each version, beside the profiles.

Each line has what changed, as it was and as it is, and the hash of the line before: one that is taken away or changed
later shows. What the lines of a profile come to has to be the profile's file, so that none changes without one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

FILE = "profile_history.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """`old` and `new` hold the members that changed; null is what is not there. `previous` is a line's SHA-256."""

    profile: str
    version: int
    at: str
    who: str
    why: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    previous: str

    @property
    def line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


class HistoryError(Exception):
    """A history that was changed afterwards, or is none."""


def content(file: Mapping[str, Any]) -> dict[str, Any]:
    """Of a profile's file what a change is a change of.

    >>> content({"name": "a", "version": 2, "source": "s", "values": {"high_c": 8.0}})
    {'source': 's', 'high_c': 8.0}
    """
    about = {name: value for name, value in file.items() if name not in {"name", "version", "values"}}
    return {**about, **file["values"]}


def read(text: str) -> list[Entry]:
    """Raises `HistoryError` where a line is none, or does not follow the one before."""
    entries: list[Entry] = []
    previous = ""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise HistoryError(f"{FILE}, line {number}: {error}.") from None
        if entry.previous != previous:
            raise HistoryError(f"{FILE}, line {number} does not follow the one before: one was changed or taken away.")
        entries.append(entry)
        previous = _hash(line)
    return entries


def recorded(entries: Iterable[Entry], profile: str) -> tuple[int, dict[str, Any]]:
    """The version and the content that the entries of a profile come to; 0 where there is none."""
    version, known = 0, dict[str, Any]()
    for entry in entries:
        if entry.profile == profile:
            version, known = entry.version, {**known, **entry.new}
    return version, {name: value for name, value in known.items() if value is not None}


def faults(files: Iterable[Mapping[str, Any]], entries: list[Entry]) -> list[str]:
    """Profiles that are not what their history comes to, in sentences."""
    found: list[str] = []
    for file in files:
        version, known = recorded(entries, file["name"])
        if known != content(file) or version != file["version"]:
            name = file["name"]
            found.append(f"The profile {name} was changed and its history lacks it: coldwatch profiles record {name}.")
    return found


def entry(  # noqa: PLR0917 - the parts of an entry
    file: Mapping[str, Any], lines: list[str], entries: list[Entry], who: str, why: str, at: str
) -> Entry | str:
    """The entry of what has changed, or a sentence that says why there can be none."""
    name, now = file["name"], content(file)
    version, known = recorded(entries, name)
    changed = sorted(each for each in known.keys() | now.keys() if known.get(each) != now.get(each))
    if not changed and file["version"] == version:
        return f"The profile {name} is what its history says; there is nothing to record."
    if file["version"] <= version:
        return f"The profile {name} has changed in {', '.join(changed)}: raise its version above {version}."
    old = {each: known.get(each) for each in changed}
    new = {each: now.get(each) for each in changed}
    return Entry(name, file["version"], at, who, why, old, new, _hash(lines[-1]) if lines else "")


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
