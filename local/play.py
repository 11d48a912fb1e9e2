"""`make play`: a fridge that fails in the cloud that `make up` started, with you as its responder."""

import os
import sys
import time
from pathlib import Path

from rich.console import Console

from local import process
from local.demo.stage import Stage
from local.errors import LocalCloudError
from local.places import Places, places
from simulator.api import Fleet, Happening, SimulatorError, load_scenario

POLICY = Path(__file__).with_name("play_policy.json")
SERIAL = "PLAY1"
console = Console(file=sys.stdout, highlight=False, soft_wrap=True)


def play(where: Places) -> None:
    """Raises LocalCloudError when no cloud is up."""
    cloud = process.running(where)
    if cloud is None:
        raise LocalCloudError("No local cloud is up. Start one with `make up`.")
    stage = Stage.of(where)
    _make_you_the_responder(stage)
    # As long as the cloud that knows the fridge: the scratch folder goes when it stops, kept state stays.
    with _fridge(stage, (where.state if cloud.keep else where.scratch) / "play") as fleet:
        console.print(f"""
Your inbox is [bold]{stage.address["inbox_url"]}[/bold] - keep it open in a browser.
In half a minute of yours the fridge has been too warm for five minutes of its own: open the link, press the button.
""")
        summary = fleet.run(load_scenario("broken_fridge"), listens=True, on_event=_tell)
    console.print(
        f"{summary.published} readings published. What became of it: .venv/bin/coldwatch --local incidents list"
    )


def _make_you_the_responder(stage: Stage) -> None:
    """Again each time: it changes nothing when it is so already."""
    if not any(contact["contact_id"] == "you" for contact in stage.command("contacts", "list")["contacts"]):
        stage.add_responder("you", "You")
    stage.command("policy", "put", str(POLICY))


def _fridge(stage: Stage, state: Path) -> Fleet:
    """The fridge, which is claimed the first time and known by its certificate from then on."""
    if state.exists():
        return Fleet.load(endpoint=stage.broker, ca=stage.ca, state_dir=state)
    stage.command(
        *("devices", "allow", "--serial", SERIAL, "--application", "coldchain"),
        *("--fleet", "play", "--type", "fridge"),
    )
    claims = [stage.claim("coldchain", [SERIAL])]
    return Fleet.provision(endpoint=stage.broker, ca=stage.ca, claims=claims, state_dir=state)


def _tell(happening: Happening) -> None:
    clock = time.strftime("%H:%M:%S")
    console.print(f"  [dim]{clock}[/dim] {', '.join(happening.things)}: {happening.text}")


def main() -> int:
    """0 done, 1 could not, 130 interrupted."""
    os.environ.update(process.CREDENTIALS)
    try:
        play(places())
    except (LocalCloudError, SimulatorError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("the fridge is gone; the cloud stays up")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
