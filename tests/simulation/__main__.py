"""`python -m tests.simulation`: run many seeds, or one again and tell its story."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from time import monotonic

from tests.simulation.chance import KINDS
from tests.simulation.planted import BUGS
from tests.simulation.run import Case, Outcome, run, shrunk
from tests.simulation.workload import Limits

SHOWN_STEPS = 60
SHOWN_DIFFERENCES = 3
SHOWS_WITHIN_MS = 120_000
"""The story goes on for so long behind the time of the first effect that is another."""
TOLD_EVERY_S = 5


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    cases = _cases(options)
    if options.seed is not None:
        outcomes: Iterator[Outcome] = iter([run(cases[0])])
    else:
        outcomes = _run_all(cases, options.processes)
    faults, failed, told_at = Counter[str](), list[Outcome](), monotonic()
    totals = Counter[str]()
    for done, outcome in enumerate(outcomes, 1):
        faults += outcome.faults
        totals.update(messages=outcome.messages, effects=outcome.effects, given_up=int(outcome.given_up > 0))
        totals.update(quiet=outcome.quiet)
        if outcome.differences:
            failed.append(outcome)
        if monotonic() - told_at > TOLD_EVERY_S:
            told_at = monotonic()
            print(f"{done} of {len(cases)} seeds, {len(failed)} diverge", file=sys.stderr, flush=True)
    for outcome in failed[:SHOWN_DIFFERENCES]:
        tell(outcome.case, steps=options.steps)
    print(f"{totals['messages']} messages, {totals['effects']} effects; records given up in {totals['given_up']} seeds")
    print(f"{totals['quiet']} messages were taken by their devices' lanes in the runs with faults")
    by_kind = {kind: faults[kind] for kind in KINDS}
    print(json.dumps({"seeds": len(cases), "divergences": len(failed), "faults": by_kind}))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5_000, help="how many seeds (default 5000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--kinds", help="only these kinds of fault: " + ",".join(KINDS))
    parser.add_argument("--devices", type=int, default=Limits().devices, help="at most so many devices")
    parser.add_argument("--messages", type=int, default=Limits().messages, help="at most so many messages")
    parser.add_argument("--phases", type=int, default=Limits().phases, help="at most so many phases")
    parser.add_argument("--bug", choices=sorted(BUGS), help="with this fault planted in the runtime")
    parser.add_argument("--steps", type=int, default=SHOWN_STEPS, help="how much of a failing story to tell")
    parser.add_argument("--processes", type=int, default=os.process_cpu_count() or 1)
    return parser


def _cases(options: argparse.Namespace) -> list[Case]:
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    kinds = tuple(each for each in KINDS if options.kinds is None or each in options.kinds.split(","))
    limits = Limits(options.devices, options.messages, options.phases)
    return [Case(seed, kinds, limits, options.bug) for seed in seeds]


def _run_all(cases: Sequence[Case], processes: int) -> Iterator[Outcome]:
    if processes == 1:
        yield from map(run, cases)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(run, cases, chunksize=10)


def tell(case: Case, *, steps: int) -> None:
    """Make it smaller, run it again and say what happened up to where it shows."""
    small = shrunk(case)
    story: list[_Step] = []
    found = run(small, partial(_note, story)).differences
    shows_at = min((each.at_ms for each in found if each.at_ms is not None), default=None)
    until = shows_at + SHOWS_WITHIN_MS if shows_at is not None else story[-1].at
    subject = next((each.subject for each in found if each.subject), "")
    told = [step.line for step in story if step.at <= until and step.is_about(subject)][-steps:]
    print(
        f"\nSeed {case.seed} comes to something else with faults than without. The last {len(told)} steps until then:\n"
    )
    print("\n".join(told))
    print("\n" + "\n".join(each.text for each in found[:SHOWN_DIFFERENCES]))
    print(f"\nTo run it again:              {case.command}\nMade smaller, as it is above: {small.command}\n")


@dataclass(frozen=True, slots=True)
class _Step:
    at: int
    actor: str
    verb: str
    about: str

    def is_about(self, subject: str) -> bool:
        """All but the calls and wakes for other detectors."""
        is_usual = self.verb in ("looks at", "carries", "sweeps") or (
            self.verb[1:2].islower() and self.verb[0].isupper()
        )
        return not is_usual or subject in self.about or "shard/" in self.about

    @property
    def line(self) -> str:
        time = datetime.fromtimestamp(self.at / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
        return f"{time}  {self.actor:22} {self.verb} {self.about[:160]}".rstrip()


def _note(story: list[_Step], now_ms: int, actor: str, verb: str, about: str) -> None:
    story.append(_Step(now_ms, actor, verb, about))


if __name__ == "__main__":
    sys.exit(main())
