"""`coldwatch accounts`: is every published message accounted for?

published = accepted + duplicates + quarantined
stored    = accepted        items of the reading table; fewer once their retention is over
archived  = accepted        distinct reading keys of the archive
"""

from argparse import Namespace
from collections import Counter
from dataclasses import dataclass
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.archive_query import count_archived as query_archived
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.items import items, pages
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import table


@dataclass(frozen=True)
class Accounts:
    accepted: int
    duplicates: int
    quarantined: int
    """Still set aside: those released since are accepted or duplicates now."""
    conflicts: int
    """Among the accepted: the same reading key as another reading, with other content."""
    stored: int | None = None
    """None where it was not counted; likewise `archived`."""
    archived: int | None = None

    @property
    def published(self) -> int:
        return self.accepted + self.duplicates + self.quarantined

    @property
    def differences(self) -> dict[str, int]:
        """How far each counted store is from what was accepted; empty when every identity holds."""
        counted = {"stored": self.stored, "archived": self.archived}
        return {name: value - self.accepted for name, value in counted.items() if value not in (None, self.accepted)}


def read_accounts(stack: Stack, count_stored: bool = True, count_archived: bool = True) -> Accounts:  # noqa: FBT001, FBT002 - the names say it at every call
    """Counting what is stored reads the whole reading table; counting what is archived is a query over all of it."""
    totals: Counter[str] = Counter()
    for shard in items(stack.table("IngestLedgerTableName").scan, ConsistentRead=True):
        totals.update({name: value for name, value in shard.items() if isinstance(value, int)})
    return Accounts(
        accepted=totals["accepted"],
        duplicates=totals["duplicates"],
        quarantined=totals["quarantined"] - totals["released"],
        conflicts=totals["conflicts"],
        stored=_count_stored(stack) if count_stored else None,
        archived=query_archived(stack) if count_archived else None,
    )


def _count_stored(stack: Stack) -> int:
    scan = stack.table("ReadingTableName").scan
    return sum(page["Count"] for page in pages(scan, Select="COUNT", ConsistentRead=True))


def run_accounts(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    if options.count_stored or options.check:
        context.say("Counting every item of the reading table; this reads all of it.")
    accounts = read_accounts(
        stack,
        count_stored=options.count_stored or options.check,
        count_archived=options.count_archived or options.check,
    )
    return told(accounts, must_hold=options.check)


def told(accounts: Accounts, *, must_hold: bool) -> Answer:
    numbers = {
        "published": accounts.published,
        "accepted": accounts.accepted,
        "duplicates": accounts.duplicates,
        "quarantined": accounts.quarantined,
        "conflicts": accounts.conflicts,
        "stored": accounts.stored,
        "archived": accounts.archived,
    }
    counted = {name: value for name, value in numbers.items() if value is not None}
    document: dict[str, Any] = counted | {"differences": accounts.differences}
    lines = [f"{name} differs from accepted by {value:+,}." for name, value in accounts.differences.items()]
    failed = must_hold and bool(accounts.differences)
    drawn = table(("account", "messages"), counted.items(), numeric=("messages",))
    return Answer(document, (drawn, *lines), ExitCode.FAILED if failed else ExitCode.OK)


COMMANDS = (
    Command(
        "accounts",
        "show what became of every published message",
        run_accounts,
        (
            argument("--count-stored", action="store_true", help="count the reading table too (reads all of it)"),
            argument("--count-archived", action="store_true", help="count the archive too (an Athena query)"),
            argument("--check", action="store_true", help="count both; exit 1 when they differ from what was accepted"),
        ),
    ),
)
