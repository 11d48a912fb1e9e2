"""`coldwatch incidents stats`: how well incidents were answered, and which of them are in no number."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.numbers import LeftOut, Measured, Numbers, Share, Spread, by_model, left_out, measure, numbers
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import SINCE, Command, Context, argument
from coldwatch_ops.incidents.view import age
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, table
from coldwatch_ops.times import parse_time

if TYPE_CHECKING:
    from coldwatch.adapters.incident_store import DynamoIncidentStore

_WHY_LEFT_OUT = {
    LeftOut.TEST: "a test",
    LeftOut.PART_OF_A_STORM: "told with the incident of its storm",
    LeftOut.NOT_OVER: "not over yet",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    since: int
    fleet_id: str | None
    model: str | None

    def fits(self, incident: Incident) -> bool:
        return (
            incident.opened_at >= self.since
            and self.fleet_id in {None, incident.fleet_id}
            and self.model in {None, incident.detector_model}
        )


def run_stats(options: Namespace, context: Context) -> Answer:
    since = parse_time(options.since, now_ms=context.now_ms()) if options.since else 0
    return told(*gather(context.open_stack(), Wanted(since, options.fleet, options.model)))


def gather(stack: Stack, wanted: Wanted) -> tuple[list[Measured], Counter[LeftOut]]:
    """Each incident that counts, measured; and how many do not, by why. Two reads for each that counts."""
    from coldwatch.adapters.incident_store import DynamoIncidentStore  # noqa: PLC0415 - boto3 is an optional dependency

    store = DynamoIncidentStore(stack.clients.dynamodb_client, stack.output("IncidentTableName"))
    counted: list[Measured] = []
    others: Counter[LeftOut] = Counter()
    for incident in _fitting(store, wanted):
        if why := left_out(incident):
            others[why] += 1
        else:
            counted.append(measure(incident, store.timeline(incident.incident_id), store.pages(incident.incident_id)))
    return counted, others


def _fitting(store: "DynamoIncidentStore", wanted: Wanted) -> Iterable[Incident]:
    """Once each, though one may go from one status to the next meanwhile."""
    found = {each.incident_id: each for status in Status for each in store.listed(status) if wanted.fits(each)}
    return found.values()


def told(counted: list[Measured], others: Mapping[LeftOut, int]) -> Answer:
    everything, models = numbers(counted), by_model(counted)
    document = {
        "all": _plain(everything),
        "by_model": {model: _plain(of) for model, of in models.items()},
        "left_out": {why.value: number for why, number in others.items()},
    }
    lines: list[Any] = [_overview({"all": everything, **models})]
    if everything.messages:
        lines += ["", table(("contact", "messages"), everything.messages.items(), numeric=("messages",))]
    lines += ["", f"{count(everything.incidents, 'incident')} counted."]
    lines += [f"Left out: {number:,}, {_WHY_LEFT_OUT[why]}." for why, number in sorted(others.items())]
    return Answer(document, tuple(lines))


def _overview(rows: Mapping[str, Numbers]) -> Any:
    """A rate is told with what it is a rate of."""
    headings = (
        "detector",
        "incidents",
        "half taken in",
        "9/10 taken in",
        "half over in",
        "9/10 over in",
        "in time",
        "false",
    )
    return table(
        headings,
        [
            (
                name,
                of.incidents,
                *_times(of.to_acknowledge),
                *_times(of.to_resolve),
                _share(of.in_time),
                _share(of.false_alarms),
            )
            for name, of in rows.items()
        ],
        numeric=headings[1:],
    )


def _times(of: Spread | None) -> tuple[str, str]:
    return (age(of.median), age(of.nine_of_ten)) if of else ("", "")


def _share(of: Share) -> str:
    return "" if of.rate is None else f"{of.rate:.0%} ({of.part:,} of {of.whole:,})"


def _plain(of: Numbers) -> dict[str, Any]:
    """Milliseconds and rates between 0 and 1."""
    return asdict(of) | {
        name: {"rate": share.rate, **asdict(share)}
        for name, share in (("in_time", of.in_time), ("false_alarms", of.false_alarms))
    }


STATS = Command(
    "incidents stats",
    "how soon incidents were taken and over, false alarms, messages",
    run_stats,
    (
        SINCE,
        argument("--fleet", metavar="FLEET", help="only this fleet"),
        argument("--model", metavar="MODEL", help="only of this detector model"),
    ),
)
