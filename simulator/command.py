"""The command line: read arguments, make a fleet, do one thing with it, tell what came of it.

Exit codes: 0 done; 1 the broker, the fleet or a file stood in the way, or an attempt was allowed that should not be;
2 the arguments make no sense; 130 interrupted.
"""

import argparse
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulator import recording, scenario, terminal
from simulator.claim import Claim
from simulator.connection import IN_FLIGHT
from simulator.errors import SimulatorError
from simulator.fleet import Fleet
from simulator.hostile import Outcome, Result, attack
from simulator.scenario import How
from simulator.summary import Summary


def main(arguments: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    options.claims = _claims(parser, options)
    act: Callable[[Fleet, argparse.Namespace], tuple[dict[str, Any], bool]] = options.act
    try:
        with _fleet(options) as fleet:
            document, is_good = act(fleet, options)
    except SimulatorError as error:
        terminal.complain(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.complain("Interrupted.")
        return 130
    return 0 if is_good and _written(options.json, document) else 1


def _written(path: Path | None, document: dict[str, Any]) -> bool:
    """What took a minute to find out has been shown already when it cannot be written."""
    if path is None:
        return True
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        terminal.complain(f"{path} cannot be written: {error.strerror}.")
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    place = common.add_argument_group("the broker")
    place.add_argument("--endpoint", required=True, metavar="HOST:PORT", help="where the broker listens for MQTT, TLS")
    place.add_argument("--ca", required=True, type=Path, metavar="FILE", help="the authority that vouches for it")
    devices = common.add_argument_group("the devices (give the claim options again for another application)")
    devices.add_argument("--state", required=True, type=Path, metavar="DIR", help="where the devices' keys are kept")
    devices.add_argument("--claim-certificate", action="append", default=[], type=Path, metavar="FILE")
    devices.add_argument("--claim-key", action="append", default=[], type=Path, metavar="FILE")
    devices.add_argument("--template", action="append", default=[], help="the provisioning template of the claim")
    devices.add_argument(
        "--serials",
        action="append",
        default=[],
        metavar="FILE|LIST",
        help="what to claim: a file, one a line, or a,b,c",
    )
    devices.add_argument(
        "--in-flight", type=positive, default=IN_FLIGHT, metavar="N", help="unacknowledged messages at most"
    )
    common.add_argument("--json", type=Path, metavar="FILE", help="write the summary there as well")
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_commands(commands, common)
    return parser


def positive(text: str) -> int:
    """For `type=`: argparse tells the ValueError as a wrong call."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    run = commands.add_parser("run", parents=[common], help="play a scenario")
    run.add_argument("scenario", help="a scenario file, or demo, steady or burst")
    run.add_argument("--answer", action="store_true", help="have the devices answer commands, as the scenario says")
    run.set_defaults(act=_run)
    replay = commands.add_parser("replay", parents=[common], help="replay a recording through a machine")
    replay.add_argument("recording", nargs="?", default=recording.MACHINE_TEMPERATURE, help="CSV: timestamp,value")
    replay.add_argument("--thing", help="who plays it; the first machine when absent")
    replay.add_argument("--unit", choices=recording.UNITS, default="degF", help="degF keeps the values as recorded")
    replay.add_argument("--speed", type=float, default=0, help="recorded seconds in a second; 0: as fast as possible")
    replay.set_defaults(act=_replay)
    burst = commands.add_parser("burst", parents=[common], help="publish as fast as the broker takes it")
    burst.add_argument("--messages", type=positive, default=20_000, metavar="N")
    burst.add_argument("--devices", type=positive, metavar="D", help="from so many devices; all when absent")
    burst.set_defaults(act=_burst)
    listen = commands.add_parser("listen", parents=[common], help="answer commands, and publish nothing else")
    listen.add_argument("--for", dest="for_s", type=positive, metavar="S", help="seconds; until Ctrl-C when absent")
    listen.add_argument("--how", choices=[str(how) for how in How], default=How.NORMAL, help="how to answer")
    listen.set_defaults(act=_listen)
    hostile = commands.add_parser("hostile", parents=[common], help="try what an attacker would")
    hostile.add_argument("--attacker", metavar="THING", help="whose certificate was stolen; the first when absent")
    hostile.add_argument("--victim", metavar="THING", help="another thing of the same application")
    hostile.set_defaults(act=_hostile)


def _claims(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[Claim]:
    parts = (options.template, options.claim_certificate, options.claim_key)
    serials = options.serials or [""] * len(options.template)
    if len({len(part) for part in (*parts, serials)}) > 1:
        parser.error("--template, --claim-certificate, --claim-key and --serials go together, each as often")
    return [
        Claim(template, certificate, key, _serials(given))
        for template, certificate, key, given in zip(*parts, serials, strict=True)
    ]


def _serials(given: str) -> tuple[str, ...]:
    is_file = "," not in given and Path(given).is_file()
    words = Path(given).read_text(encoding="utf-8").split() if is_file else given.split(",")
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def _fleet(options: argparse.Namespace) -> Fleet:
    """All devices in the state folder, those of the claims provisioned first."""
    place = {"endpoint": options.endpoint, "ca": options.ca, "state_dir": options.state}
    serials = sum(len(claim.serials) for claim in options.claims)
    if serials:
        with terminal.progress("provisioning", serials) as bar:
            Fleet.provision(**place, claims=options.claims, on_provisioned=lambda _identity: bar.step()).close()
    return Fleet.load(**place, in_flight=options.in_flight)


def _run(fleet: Fleet, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    story = scenario.load(options.scenario)
    terminal.say(f"{story.about} ({story.wall_s:.0f} s)")
    with terminal.progress("published", None) as bar:
        summary = fleet.run(
            story, listens=options.answer, on_event=terminal.tell, on_progress=bar.to, on_act=terminal.tell_act
        )
    return _conclude(f"Scenario {story.name}", summary)


def _replay(fleet: Fleet, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    recorded = recording.load(options.recording)
    with terminal.progress("replayed", len(recorded.rows)) as bar:
        summary = fleet.replay(
            recorded, thing=options.thing, unit=options.unit, speed=options.speed, on_progress=bar.to
        )
    return _conclude(f"Recording {recorded.name}", summary)


def _burst(fleet: Fleet, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    with terminal.progress("published", options.messages) as bar:
        summary = fleet.burst(options.messages, devices=options.devices, on_progress=bar.to)
    return _conclude("Burst", summary)


def _listen(fleet: Fleet, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Ctrl-C is how it usually ends: the devices did what they were asked to."""
    how = How(options.how)
    fleet.listen(how=lambda _thing: how, on_act=terminal.tell_act)
    terminal.say(f"{len(fleet.devices)} devices listen for commands and answer: {how}.")
    with suppress(KeyboardInterrupt):
        threading.Event().wait(options.for_s)
    done = {thing: [asdict(act) for act in fleet.acts(thing)] for thing in fleet.devices}
    return {"acts": {thing: acts for thing, acts in done.items() if acts}}, True


def _conclude(title: str, summary: Summary) -> tuple[dict[str, Any], bool]:
    terminal.show_summary(title, summary)
    return summary.as_document(), True


def _hostile(fleet: Fleet, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    claim = next(iter(options.claims), None)
    outcomes = attack(
        fleet, claim=claim, attacker=options.attacker, victim=options.victim, on_outcome=terminal.tell_outcome
    )
    return _outcome_document(outcomes), all(outcome.result is not Result.ALLOWED for outcome in outcomes)


def _outcome_document(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    counts = {result.value: sum(outcome.result is result for outcome in outcomes) for result in Result}
    told = [{"attempt": o.attempt, "about": o.about, "result": o.result.value, "how": o.how} for o in outcomes]
    return {**counts, "attempts": told}
