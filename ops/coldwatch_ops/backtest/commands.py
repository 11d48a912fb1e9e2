"""`coldwatch backtest`: what would have fired, when, and for how long."""

from argparse import Namespace

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument, positive


def run_backtest(options: Namespace, context: Context) -> Answer:
    # What it needs would be a third of the time in which any other command starts, and a sixth of its memory.
    from coldwatch_ops.backtest import asked  # noqa: PLC0415 - for the comment's reason

    return asked.run_backtest(options, context)


COMMANDS = (
    Command(
        "backtest",
        "tell what detector models would have done with telemetry: what fires, when, for how long",
        run_backtest,
        (
            argument("models", nargs="+", metavar="MODEL", help="detector models to be compared, or a folder of them"),
            argument(
                "--telemetry",
                required=True,
                metavar="PATH",
                help="CSV, JSON lines or Parquet: a file, a folder, or s3://bucket/prefix",
            ),
            argument("--profile", action="append", metavar="NAME", help="the profile of all; several compare"),
            argument("--profiles", metavar="DIR", help="a folder of profiles, beside Coldwatch's own"),
            argument("--clock", choices=("event", "wall"), help="default: as deployment.json has it, else wall"),
            argument("--time", metavar="COLUMN", help="what says when (default: timestamp)"),
            argument("--key", metavar="COLUMN", help="what names the device"),
            argument("--map", action="append", default=[], metavar="COLUMN=ATTRIBUTE", help="a column of another name"),
            argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an attribute of every reading"),
            argument("--input", metavar="NAME", help="the input, where the models have several"),
            argument("--plot", metavar="FILE", help="draw readings, thresholds and firings: *.svg, or *.png"),
            argument("--device", metavar="KEY", help="whom to draw (default: those that fired, up to six)"),
            argument("--limit", type=positive, default=50, metavar="N", help="at most N rows in a table (default 50)"),
            argument("--bad-rows", metavar="FILE", help="write every row that could not be used, as JSON lines"),
            argument("--jobs", type=positive, metavar="N", help="processes (default: all cores, if it is worth it)"),
            argument("--progress", action="store_true", help="show progress though nobody seems to be watching"),
        ),
    ),
)
