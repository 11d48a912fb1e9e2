"""A command is a row of data: its words, its help, its arguments, and the function that runs it."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.errors import DeclinedError
from coldwatch_ops.stack import Account, Stack


@dataclass(frozen=True)
class Argument:
    """As argparse takes it: the flags or the one name, and the options of `add_argument`."""

    flags: tuple[str, ...]
    options: dict[str, Any]


def argument(*flags: str, **options: Any) -> Argument:
    return Argument(flags, options)


def positive(text: str) -> int:
    """For `type=`: a count that makes sense. argparse tells the ValueError as a wrong call."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


@dataclass(frozen=True)
class Context:
    """What a command may touch beside its arguments; tests give their own."""

    open_stack: Callable[[], Stack]
    """Raises UnreachableError when there is no such stack. Offline commands never call it."""
    open_account: Callable[[], Account]
    """The same account, for a command that works without the stack as well."""
    ask: Callable[[str], str | None]
    """The person's answer, or None when there is nobody to ask."""
    say: Callable[[str], None]
    """Progress, for a person, beside the answer."""
    now_ms: Callable[[], int]
    pause: Callable[[float], None]
    """Wait so many seconds."""

    def confirm(self, question: str) -> None:
        """Return when the person agrees; DeclinedError otherwise."""
        said = self.ask(f"{question} [y/N] ")
        if said is None:
            raise DeclinedError(f"{question} Nobody could be asked; add --yes to agree beforehand.")
        if said.strip().lower() not in {"y", "yes"}:
            raise DeclinedError("Nothing was done.")


@dataclass(frozen=True)
class Command:
    name: str
    """As it is typed, such as `quarantine list`."""
    help: str
    run: Callable[[Namespace, Context], Answer]
    arguments: tuple[Argument, ...] = field(default=())


SINCE = argument("--since", metavar="TIME", help="only from TIME on: RFC 3339, epoch ms, or an age such as 2h")
YES = argument("--yes", action="store_true", help="do not ask")
WHO = argument("--as", dest="who", metavar="NAME", help="in whose name; you, as this machine knows you, if not said")
