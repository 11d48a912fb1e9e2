"""`coldwatch profiles ...`: the profiles of a folder, without a stack."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from coldwatch.profiles import ProfileError, read_profile
from coldwatch_ops.answer import Answer
from coldwatch_ops.backtest.candidates import SHIPPED
from coldwatch_ops.command import WHO, Command, Context, argument
from coldwatch_ops.errors import NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.incidents.store import operator_name
from coldwatch_ops.profiles import history
from coldwatch_ops.text import count, escape, fields, table
from coldwatch_ops.times import rfc3339


def run_list(options: Namespace, _context: Context) -> Answer:
    """Exit code 1 where one is not what its history comes to."""
    files = _files(Path(options.folder))
    faults = history.faults(files, _entries(Path(options.folder)))
    rows = [(each["name"], each["version"], each["application"], each["about"]) for each in files]
    listed = table(("profile", "version", "application", "for"), rows)
    told: tuple[Any, ...] = (listed, count(len(rows), "profile") + ".", *map(escape, faults))
    return Answer({"profiles": files, "faults": faults}, told, ExitCode.FAILED if faults else ExitCode.OK)


def run_show(options: Namespace, _context: Context) -> Answer:
    file = _file(options)
    shown = {name: value for name, value in file.items() if name != "values"} | file["values"]
    return Answer({"profile": file}, tuple(fields(shown)))


def run_diff(options: Namespace, _context: Context) -> Answer:
    one, other = (history.content(_named(Path(options.folder), name)) for name in (options.profile, options.other))
    names = sorted(each for each in one.keys() | other.keys() if one.get(each) != other.get(each))
    document = {name: [one.get(name), other.get(name)] for name in names}
    rows = [(name, *document[name]) for name in names]
    return Answer({"different": document}, (table(("member", options.profile, options.other), rows),))


def run_history(options: Namespace, _context: Context) -> Answer:
    """Newest first."""
    found = [each for each in _entries(Path(options.folder)) if options.profile in {None, each.profile}]
    rows = [(each.at, each.profile, each.version, each.who, each.why, _changes(each)) for each in reversed(found)]
    document = {"history": [json.loads(each.line) for each in reversed(found)]}
    return Answer(document, (table(("time", "profile", "version", "who", "why", "changed"), rows),))


def run_record(options: Namespace, context: Context) -> Answer:
    if not options.why.strip():
        raise UsageError("--why is empty: say why.")
    path = Path(options.folder) / history.FILE
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    at, who = str(rfc3339(context.now_ms())), options.who or operator_name()
    entry = history.entry(_file(options), lines, _entries(Path(options.folder)), who, options.why.strip(), at)
    if isinstance(entry, str):
        raise RefusedError(entry)
    with path.open("a", encoding="utf-8") as kept:
        kept.write(entry.line + "\n")
    told = f"Version {entry.version} of {escape(entry.profile)} is recorded: {escape(_changes(entry))}."
    return Answer({"entry": json.loads(entry.line)}, (told,))


def _changes(entry: history.Entry) -> str:
    """Of a first version, that it is one."""
    if not any(value is not None for value in entry.old.values()):
        return "new"
    return "; ".join(f"{name}: {entry.old[name]} > {value}" for name, value in entry.new.items())


def _entries(folder: Path) -> list[history.Entry]:
    path = folder / history.FILE
    try:
        return history.read(path.read_text("utf-8")) if path.exists() else []
    except history.HistoryError as error:
        raise RefusedError(str(error)) from None


def _file(options: Namespace) -> dict[str, Any]:
    return _named(Path(options.folder), options.profile)


def _named(folder: Path, name: str) -> dict[str, Any]:
    for each in _files(folder):
        if each["name"] == name:
            return each
    raise NotFoundError(f"There is no profile {name} in {folder}.")


def _files(folder: Path) -> list[dict[str, Any]]:
    paths = sorted((folder / "profiles").glob("*.json"))
    if not paths:
        raise UsageError(f"There is no profile in {folder / 'profiles'}.")
    try:
        for path in paths:
            read_profile(path.read_bytes())
    except ProfileError as error:
        raise RefusedError(f"{path}: {error}") from None
    return [json.loads(path.read_bytes()) for path in paths]


_FOLDER = argument(
    "--folder", default=str(SHIPPED), metavar="DIR", help="a folder as `detectors`; the shipped one, if not said"
)
_PROFILE = argument("profile", metavar="PROFILE", help="its name")

COMMANDS = (
    Command("profiles list", "list the profiles of a folder, and any that its history lacks", run_list, (_FOLDER,)),
    Command("profiles show", "show a profile: its limits, and where they come from", run_show, (_PROFILE, _FOLDER)),
    Command(
        "profiles diff",
        "show in what two profiles differ",
        run_diff,
        (_PROFILE, argument("other", metavar="OTHER", help="the other one's name"), _FOLDER),
    ),
    Command(
        "profiles history",
        "show the changes of profiles: old, new, who and why",
        run_history,
        (argument("profile", nargs="?", metavar="PROFILE", help="only of this one"), _FOLDER),
    ),
    Command(
        "profiles record",
        "keep a change of a profile's file in its history",
        run_record,
        (
            _PROFILE,
            argument("--why", required=True, metavar="TEXT", help="kept with what was and what is now"),
            WHO,
            _FOLDER,
        ),
    ),
)
