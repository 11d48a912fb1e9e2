"""`backtest --plot`: a picture of the detectors that fired, as SVG of our own or as PNG by matplotlib."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coldwatch_ops.backtest.drawing import colour, draw, unbroken
from coldwatch_ops.backtest.readings import PANELS, Collector, Panel
from coldwatch_ops.backtest.spool import merged
from coldwatch_ops.backtest.view import Seen
from coldwatch_ops.errors import FailedError, MissingPartError, NotFoundError, UsageError
from coldwatch_ops.text import count


def check(path: str) -> None:
    """Before anything is read: whether such a picture can be made."""
    if not path.endswith((".svg", ".png")):
        raise UsageError(f"--plot {path} is no picture that can be made: give a name that ends in .svg or .png.")
    if not Path(path).parent.is_dir():
        raise UsageError(f"--plot {path} cannot be written: there is no folder {Path(path).parent}.")
    if path.endswith(".png"):
        _matplotlib()


def _matplotlib() -> Any:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency, and a large one
    except ImportError:
        raise MissingPartError(
            "PNG needs matplotlib: install Coldwatch with `pip install '.[plot]'` in its folder, or name a file .svg."
        ) from None
    return Figure


def write(seen: Seen, path: Path, device: str | None) -> str:
    """Write the picture; the sentence that says so."""
    panels, left_out = _panels(seen, device)
    labels = [candidate.label for candidate in seen.candidates]
    try:
        if path.suffix == ".png":
            _write_png(panels, labels, seen.until_ms, path)
        else:
            path.write_text(draw(panels, labels, seen.until_ms), encoding="utf-8")
    except OSError as error:
        raise FailedError(f"{path} cannot be written: {error.strerror}.") from None
    rest = f"; {left_out:,} more fired, --device draws one of them" if left_out else ""
    return f"{path} shows {count(len(panels), 'detector')}{rest}."


def _panels(seen: Seen, device: str | None) -> tuple[list[Panel], int]:
    """Those that fired most often, or the device that was asked for."""
    firings = seen.backtest.outcome.firings
    often = Counter(firing.key or "" for firing in firings)
    ranked = sorted(often, key=lambda key: (-often[key], key))
    collector = Collector(seen.candidates, ranked[:PANELS], device)
    for _, paths in sorted(seen.backtest.telemetry.runs.items()):
        for row in merged(paths):
            collector.add(row)
    panels = collector.panels(firings)
    if not panels:
        raise NotFoundError(f"There is no reading of {device} to draw.")
    return panels, 0 if device is not None else max(len(ranked) - PANELS, 0)


def _write_png(panels: Sequence[Panel], labels: Sequence[str], until_ms: int, path: Path) -> None:
    picture = _matplotlib()(figsize=(12, 3.2 * len(panels)), layout="constrained")
    for axes, panel in zip(picture.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        _plot(axes, panel, labels, until_ms)
    picture.savefig(path, dpi=110)


def _plot(axes: Any, panel: Panel, labels: Sequence[str], until_ms: int) -> None:
    axes.margins(x=0)
    axes.set_title(f"{panel.key or 'the detector'}: {panel.attribute}", loc="left", parse_math=False)
    for part in unbroken(panel.points) if len(panel.points) > 1 else ():
        axes.plot([_moment(at) for at, _ in part], [value for _, value in part], color="#0b57a4", linewidth=0.8)
    for each in panel.thresholds:
        style = ":" if each.is_derived else "--"
        axes.axhline(each.value, color=colour(each.candidate), linestyle=style, linewidth=1)
        axes.annotate(
            each.label, (0.003, each.value), xycoords=("axes fraction", "data"), fontsize="small", va="bottom"
        )
    named = set[int]()
    for firing in panel.firings:
        until = _moment(until_ms if firing.ended_at is None else firing.ended_at)
        label = labels[firing.candidate] if firing.candidate not in named else None
        named.add(firing.candidate)
        axes.axvspan(_moment(firing.fired_at), until, color=colour(firing.candidate), alpha=0.18, label=label)
    if named:
        axes.legend(loc="upper right")


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
