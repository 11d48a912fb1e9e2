"""`make demo`: starts everything, tells the story, checks the accounts, stops everything.

Exit code 0 only if every identity holds. Writes `.local/demo.json`.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from coldwatch_ops.times import rfc3339
from local import deployment, endpoints, ports, process
from local.demo.stage import Stage
from local.demo.story import Story
from local.demo.verdict import LABEL_WINDOWS, Figures, checks, document
from local.errors import LocalCloudError
from local.places import ROOT, Places
from simulator.api import SimulatorError

RESULT = ROOT / ".local" / "demo.json"


def main() -> int:
    """0 all holds, 1 an identity does not hold or something could not be done, 130 interrupted."""
    os.environ.update(process.CREDENTIALS)
    # Its own hold on standard output, which the operator's command is lent while it runs.
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    began = time.monotonic()
    RESULT.unlink(missing_ok=True)
    try:
        with process.interruptible(), _folder() as folder:
            figures = _on_a_cloud_of_its_own(Places(folder), console)
            RESULT.write_text(json.dumps(document(figures), indent=2) + "\n")
            _show(figures, console)
            _insist(figures, folder)
    except (LocalCloudError, SimulatorError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; everything is stopped")
        return 130
    console.print(
        f"\n{RESULT.relative_to(ROOT)} written; everything is stopped. {time.monotonic() - began:.0f} s in all."
    )
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that is gone at the end; after a failure its logs stay, where the sentences say they are."""
    runs = ROOT / ".local" / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=runs))
    try:
        yield folder
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        raise
    except Exception:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.suffix != ".log":
                path.unlink()
        raise
    shutil.rmtree(folder)


def _on_a_cloud_of_its_own(where: Places, console: Console) -> Figures:
    """On free ports and in a folder of its own, so that a cloud that is up is left alone."""
    began = time.monotonic()
    deployment.build(where)
    cloud = process.start(where, port=ports.take(0, option=""), mqtt_port=ports.take(0, option=""), keep=False)
    try:
        deployment.deploy(where, cloud)
        endpoints.write(where, cloud)
        console.print(
            f"[green]✓[/green] the real template built, deployed to a cloud on this machine, IAM enforced "
            f"[dim]{time.monotonic() - began:.1f} s[/dim]"
        )
        return Story(Stage.of(where), console).tell()
    finally:
        process.stop(where)


def _show(figures: Figures, console: Console) -> None:
    names = ("published", "accepted", "duplicates", "quarantined", "refused", "stored", "archived")
    table = _table("Accounts", *names)
    numbers = document(figures)
    for column in table.columns:
        column.justify = "right"
    table.add_row(*(f"{numbers[name]:,}" for name in names))
    console.print(table)
    _show_incidents(figures, console)
    for check in checks(figures):
        mark = "[green]✓[/green]" if check.holds else "[bold red]✗[/bold red]"
        console.print(f"{mark} {check.about} [dim]({check.seen})[/dim]")


def _show_incidents(figures: Figures, console: Console) -> None:
    table = _table("Incidents", "device", "detector model", "status", "tiers told", "acknowledged by", "began (device)")
    for each in sorted(figures.incidents, key=lambda incident: incident.opened_at):
        tiers = ", ".join(map(str, each.tiers_notified)) or "none: over before"
        who = each.acknowledged_by or ""
        table.add_row(each.device_id, each.detector_model, each.status, tiers, who, rfc3339(each.began_at))
    console.print(table)
    table = _table(f"Lasting departures in {figures.recording.name}", "from", "to", "what its makers say of that time")
    for finding in figures.recording.findings:
        table.add_row(finding.start, finding.end, finding.label or "nothing")
    missed = [
        about for _, _, about in LABEL_WINDOWS if about not in {found.label for found in figures.recording.findings}
    ]
    table.caption = f"No departure from 0 to 100 °C in: {', '.join(missed)}." if missed else None
    console.print(table)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.caption_justify, table.caption_style = "left", "dim"
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _insist(figures: Figures, folder: Path) -> None:
    if not all(check.holds for check in checks(figures)):
        raise LocalCloudError(f"\nWhat is marked ✗ does not hold. The logs are in {folder}.")


if __name__ == "__main__":
    sys.exit(main())
