"""The story, told as it happens: what the devices do, what is tried against them, and how it adds up."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local.demo import verdict
from local.demo.plot import SILENCE_S, Plot, findings, seen
from local.demo.responders import OnDuty
from local.demo.sender import Sender
from local.demo.stage import SETTLES_WITHIN_S, Stage
from local.demo.verdict import Command, Figures
from simulator import hostile, recording
from simulator.api import AllowedSerial, Claim, Fleet, Happening, Summary, allow_list, load_scenario
from simulator.connection import Publication
from simulator.message import Kind

GATEWAY = AllowedSerial("GW0001", "coldchain", "north", "gateway")
POLICY = Path(__file__).with_name("policy.json")
CHILD = "north-probe-0001"
"""A sensor that a gateway speaks for, and that nobody has registered at first."""
ANSWERED_WITHIN_S = 30


class Story:
    """`published` and `refused` grow with each chapter; `unrefused` names what should not have worked."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console
        self._play = load_scenario("demo")
        self._published = 0
        self._refused = 0
        self._unrefused: list[str] = []

    def tell(self) -> Figures:
        """Every chapter in turn; the devices are gone again at the end."""
        is_enforced = self._stage.iam_is_enforced()
        self._call_responders()
        claims = self._allow()
        began = time.monotonic()
        with Fleet.provision(
            endpoint=self._stage.broker, ca=self._stage.ca, claims=claims, state_dir=self._stage.places.folder / "keys"
        ) as fleet:
            self._chapter(
                f"{len(fleet.devices)} devices provisioned by claim, each with a certificate of its own", began
            )
            # As the fleet will count it: the scenario's device time ends at the present.
            start_ms = round((time.time() + self._play.wall_s - self._play.duration_s) * 1000)
            plot = Plot.of(self._play, fleet.cast(self._play), start_ms=start_ms)
            silence = ("--set", f"silence_s={SILENCE_S}", "--why", "the demo waits for no more than this")
            self._stage.command("devices", "profile", plot.parts.falls_silent, *silence)
            with OnDuty(self._stage.inbox, plot.is_answered, self._say) as responders:
                commands = self._run_scenario(fleet, plot)
                self._attack(fleet, claims[0])
                self._speak_for_a_child(fleet)
                # The recording keeps this machine busy for half a minute; a person should not have to wait for that.
                responders.wait_for_an_answer(ANSWERED_WITHIN_S)
                recorded, player = self._replay(fleet)
                incidents = self._wait_for_the_end(plot, player)
            if responders.failure is not None:
                raise responders.failure
            devices = len(fleet.devices)
        return self._figures(is_enforced, devices, recorded, player, (plot, incidents, commands))

    def _call_responders(self) -> None:
        """Ana is told first; Ben is told of what she does not acknowledge, and of what is no emergency."""
        began = time.monotonic()
        for contact_id, name in (("ana", "Ana"), ("ben", "Ben")):
            self._stage.add_responder(contact_id, name)
        self._stage.command("policy", "put", str(POLICY))
        self._chapter("two responders confirmed their addresses; a policy says who is told when", began)

    def _allow(self) -> list[Claim]:
        """Put the serials of the scenario's devices on the allow-list, and make a claim certificate for each kind."""
        serials: dict[str, list[str]] = {}
        for allowed in [*allow_list(self._play), GATEWAY]:
            serials.setdefault(allowed.application, []).append(allowed.serial)
            self._stage.command(
                *("devices", "allow", "--serial", allowed.serial, "--application", allowed.application),
                *("--fleet", allowed.fleet_id, "--type", allowed.device_type),
            )
        return [self._stage.claim(application, found) for application, found in serials.items()]

    def _run_scenario(self, fleet: Fleet, plot: Plot) -> list[Command]:
        began = time.monotonic()
        self._console.print(f"\n[bold]{self._play.about}[/bold]")
        sender = Sender(self._stage, plot, self._say)
        with sender:
            summary = fleet.run(self._play, on_event=self._happen, listens=True)
        self._count(summary)
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in summary.by_kind.items())
        self._chapter(f"{summary.published:,} messages published: {kinds}", began)
        return sender.commands

    def _say(self, text: str) -> None:
        self._console.print(f"  [cyan]{text}[/cyan]")

    def _happen(self, happening: Happening) -> None:
        minutes, seconds = divmod(round(happening.at_s), 60)
        self._console.print(f"  [dim]{minutes:02d}:{seconds:02d}[/dim] {', '.join(happening.things)}: {happening.text}")

    def _attack(self, fleet: Fleet, claim: Claim) -> None:
        self._console.print("\n[bold]Somebody stole a device and a claim certificate, and tries them[/bold]")
        before = time.monotonic()
        outcomes = hostile.attack(fleet, claim=claim)
        table = Table(box=None, show_header=False, padding=(0, 1), width=max(self._console.width, 130))
        for outcome in outcomes:
            table.add_row("", outcome.about, _COLOURED[outcome.result], outcome.how)
        self._console.print(table)
        counted = Counter(outcome.result for outcome in outcomes)
        self._published += counted[hostile.Result.PUBLISHED]
        self._refused += counted[hostile.Result.REFUSED]
        self._unrefused += [outcome.about for outcome in outcomes if outcome.result is hostile.Result.ALLOWED]
        self._chapter(f"{len(outcomes)} attempts: {counted[hostile.Result.REFUSED]} refused at the door", before)

    def _speak_for_a_child(self, fleet: Fleet) -> None:
        """A gateway speaks for an unregistered sensor: kept in quarantine, let in once the sensor is registered."""
        began = time.monotonic()
        gateway = fleet.first("gateway")
        device = fleet.devices[gateway]
        reading = {"device_id": CHILD, "timestamp": time.time_ns() // 1_000_000, "seq": 1, "temp_c": 4.5}
        reading |= {"humidity_pct": 40.0, "shock_g": 0.0, "battery_pct": 80.0}
        fleet.open([gateway])
        device.connection.publish(Publication(device.topic, json.dumps(reading).encode(), Kind.LIVE))
        device.connection.drain()
        self._published += 1
        self._stage.counted_accounts(self._published)  # judged, so that the redrive finds it
        self._stage.command("devices", "adopt", CHILD, "--gateway", gateway, "--type", "fridge")
        self._stage.command("quarantine", "redrive", "--reason", "identity_mismatch", "--yes")
        self._chapter(f"{gateway} spoke for {CHILD}, unknown: quarantined; registered and redriven: let in", began)

    def _replay(self, fleet: Fleet) -> tuple[recording.Recording, str]:
        began = time.monotonic()
        recorded = recording.load(recording.MACHINE_TEMPERATURE)
        player = fleet.first("machine")
        summary = fleet.replay(recorded, thing=player, unit="degC")
        self._count(summary)
        self._chapter(f"{recorded.name}: {summary.published:,} readings of 2013 and 2014 replayed by {player}", began)
        return recorded, player

    def _wait_for_the_end(self, plot: Plot, player: str) -> list[dict[str, Any]]:
        """The incidents, once the story has come to its end, or after SETTLES_WITHIN_S."""
        began = time.monotonic()
        while True:
            incidents = self._stage.incidents()
            if plot.is_over(incidents, player) or time.monotonic() - began > SETTLES_WITHIN_S:
                self._chapter(f"{len(incidents)} incidents, each with its timeline and its evidence", began)
                return incidents
            time.sleep(1)

    def _count(self, summary: Summary) -> None:
        self._published += summary.published
        self._refused += summary.refused

    def _figures(
        self,
        is_enforced: bool,  # noqa: FBT001 - one figure of several
        devices: int,
        recorded: recording.Recording,
        player: str,
        told: tuple[Plot, list[dict[str, Any]], list[Command]],
    ) -> Figures:
        plot, incidents, commands = told
        began = time.monotonic()
        accounts = self._stage.settled_accounts(self._published)
        found = self._stage.recorded_readings(player, recorded.rows[0].timestamp_ms, recorded.rows[-1].timestamp_ms)
        self._chapter("everything counted, stored and found again in the archive", began)
        return Figures(
            iam_enforced=is_enforced,
            devices=devices,
            published=self._published,
            accepted=accounts.accepted,
            duplicates=accounts.duplicates,
            quarantined=accounts.quarantined,
            refused=self._refused,
            stored=accounts.stored or 0,
            archived=accounts.archived or 0,
            recording=verdict.Recording(recorded.name, len(recorded.rows), *found, findings(incidents, player)),
            parts=plot.parts,
            incidents=tuple(seen(incident) for incident in incidents),
            commands=tuple(commands),
            unrefused=tuple(self._unrefused),
        )

    def _chapter(self, text: str, began: float) -> None:
        self._console.print(f"[green]✓[/green] {text} [dim]{time.monotonic() - began:.1f} s[/dim]")


_COLOURED = {
    hostile.Result.PUBLISHED: "[yellow]kept, in quarantine[/yellow]",
    hostile.Result.REFUSED: "[green]refused[/green]",
    hostile.Result.ALLOWED: "[bold red]got through[/bold red]",
}
