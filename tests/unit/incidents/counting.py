"""How many orders there are of each race: kept beside the tests, and told in docs/incidents.md.

`python -m tests.unit.incidents.counting` explores all races again, or those that are named, writes both anew, and shows
what has changed; the long ones take minutes. A count that changes is not wrong: what may happen has changed, and who
changed it should know it.
"""

import json
import re
import sys
from pathlib import Path

from tests.unit.incidents.exploring import Explored, Explorer
from tests.unit.incidents.races import LONG_RACES, RACES

ROOT = Path(__file__).parents[3]
KEPT = Path(__file__).with_name("order_counts.json")
DOCUMENT = ROOT / "docs" / "incidents.md"
COMMAND = "PYTHONPATH=functions:. .venv/bin/python -m tests.unit.incidents.counting"
_HEAD = "| race | orders | states | of them at rest |\n| --- | ---: | ---: | ---: |\n"
_TABLE = re.compile(re.escape(_HEAD) + r"(?:\|.*\n)+")

type Counts = dict[str, list[int]]
"""Of each race: orders, states, and states of rest."""


def counts_of(found: Explored) -> list[int]:
    return [found.orders, found.states, found.rests]


def kept() -> Counts:
    counts: Counts = json.loads(KEPT.read_text())
    return counts


def table(counts: Counts) -> str:
    rows = [f"| {race} | {orders:,} | {states:,} | {rests:,} |" for race, (orders, states, rests) in counts.items()]
    orders, states = (sum(each[place] for each in counts.values()) for place in (0, 1))
    return _HEAD + "\n".join([*rows, f"| **{len(rows)} races** | **{orders:,}** | **{states:,}** | |"]) + "\n"


def documented() -> str:
    found = _TABLE.search(DOCUMENT.read_text())
    assert found, f"{DOCUMENT} has no such table"
    return found[0]


def main(*named: str) -> None:
    races = RACES | LONG_RACES
    counts = kept()
    for race in named or races:
        found = counts_of(Explorer().explore(races[race]()))
        if found != counts.get(race):
            sys.stdout.write(f"{race}: {counts.get(race)} -> {found}\n")
        counts[race] = found
        keep({each: counts[each] for each in races if each in counts})


def keep(counts: Counts) -> None:
    rows = ",\n".join(f"  {json.dumps(race)}: {json.dumps(each)}" for race, each in counts.items())
    KEPT.write_text(f"{{\n{rows}\n}}\n")
    DOCUMENT.write_text(_TABLE.sub(lambda _: table(counts), DOCUMENT.read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
