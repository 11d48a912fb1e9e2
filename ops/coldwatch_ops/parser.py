"""The table of commands as an argparse parser."""

from argparse import SUPPRESS, ArgumentParser, _SubParsersAction
from collections.abc import Iterable, Mapping

from coldwatch_ops.command import Command, argument

GLOBAL_ARGUMENTS = (
    argument("--stack", metavar="NAME", help="the stack (default: $COLDWATCH_STACK, else coldwatch-dev)"),
    argument("--region", metavar="REGION", help="the AWS region (default: AWS's own settings)"),
    argument("--endpoint-url", metavar="URL", help="another address than AWS's own for every service"),
    argument("--local", action="store_true", help="the local cloud that `make up` started in this folder"),
    argument("--json", action="store_true", help="print machine-readable output"),
)


def build_parser(commands: Iterable[Command], nouns: Mapping[str, str]) -> ArgumentParser:
    """`nouns` gives the help of each first word that has further words after it."""
    parser = ArgumentParser(prog="coldwatch", description="Watches over cold goods: the operator's command.")
    for row in GLOBAL_ARGUMENTS:
        parser.add_argument(*row.flags, **row.options)
    top = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    noun_parsers: dict[str, _SubParsersAction[ArgumentParser]] = {}
    for command in commands:
        first, _, rest = command.name.partition(" ")
        if rest and first not in noun_parsers:
            noun = top.add_parser(first, help=nouns[first], description=nouns[first])
            noun_parsers[first] = noun.add_subparsers(title="commands", metavar="COMMAND", required=True)
        _add_command(noun_parsers[first] if rest else top, rest or first, command)
    return parser


def _add_command(place: "_SubParsersAction[ArgumentParser]", word: str, command: Command) -> None:
    parser = place.add_parser(word, help=command.help, description=command.help)
    parser.set_defaults(command=command)
    for row in command.arguments:
        parser.add_argument(*row.flags, **row.options)
    shared = parser.add_argument_group("global options")
    for row in GLOBAL_ARGUMENTS:
        # Allowed after the command too; SUPPRESS keeps what was said before it.
        shared.add_argument(*row.flags, **{**row.options, "default": SUPPRESS})
