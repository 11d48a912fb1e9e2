"""The picture of a backtest: what it shows, and that nothing of a device's gets out of its place in it."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from coldwatch.engine.loader import load_model
from coldwatch_ops.backtest.drawing import draw, frame_of, unbroken
from coldwatch_ops.backtest.firings import Firing
from coldwatch_ops.backtest.readings import Panel, Point, Thinned, Threshold, comparisons
from coldwatch_ops.main import main

ROOT = Path(__file__).resolve().parents[3]
WARM = ROOT / "detectors" / "models" / "sustained_excursion_high.json"
T0 = 1_767_225_600_000
MINUTE = 60_000


def telemetry(path: Path, *devices: str) -> str:
    rows = [
        {"device_id": device, "timestamp": T0 + minute * MINUTE, "temp_c": 12.0 if 10 <= minute < 40 else 4.0}
        for device in devices
        for minute in range(60)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def panel(*firings: Firing, key: str = "fridge") -> Panel:
    points = [(T0 + minute * MINUTE, float(minute % 7)) for minute in range(61)]
    return Panel(key, "temp_c", points, [Threshold("high_c", 8.0, False, 0)], firings)  # noqa: FBT003 - plain


def firing(fired: int, ended: int | None, candidate: int = 0) -> Firing:
    until = None if ended is None else T0 + ended * MINUTE
    return Firing(candidate, "fridge", T0 + fired * MINUTE, until, "s", "e", 1)


def shades(drawing: str) -> list[tuple[float, float]]:
    found = re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"[^>]*fill-opacity', drawing)
    return [(float(x), float(x) + float(width)) for x, width in found]


def test_a_firing_is_shaded_from_its_beginning_to_its_end_or_to_that_of_the_telemetry() -> None:
    """Which may be long after the last reading of a device that fell silent."""
    one = panel(firing(15, 45), firing(70, None))
    end = T0 + 90 * MINUTE
    frame = frame_of(one, 0, end)

    drawn = shades(draw([one], ["a"], end))

    expected = [(15, 45), (70, 90)]
    assert drawn == [pytest.approx([frame.x(T0 + minute * MINUTE) for minute in span], abs=0.2) for span in expected]


def test_thresholds_are_drawn_where_their_value_is_and_told_by_name() -> None:
    one = panel()
    drawing = draw([one], ["a"], T0)

    [y] = re.findall(r'class="threshold"[^>]*y1="([\d.]+)"', drawing)
    assert float(y) == pytest.approx(frame_of(one, 34, T0).y(8.0), abs=0.1)
    assert ">high_c 8</text>" in drawing
    assert "never fired" in drawing


def test_candidates_have_colours_lanes_and_a_legend() -> None:
    drawing = draw([panel(firing(15, 45), firing(20, 45, 1))], ["strict", "patient"], T0)

    assert ">strict</text>" in drawing
    assert ">patient</text>" in drawing
    assert "fired 1 and 1 time" in drawing
    assert len(shades(drawing)) == 2
    assert len(re.findall(r'height="8"', drawing)) == 2


def test_what_a_device_is_called_stays_text() -> None:
    drawing = draw([panel(key="</svg><script>\u202e")], ["<b>", "&"], T0)

    root = ET.fromstring(drawing)  # noqa: S314 - ours, just drawn
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "\u202e" not in drawing


def test_no_line_is_drawn_where_nothing_was_measured() -> None:
    points: list[Point] = [(minute * MINUTE, 1.0) for minute in [*range(30), *range(600, 630)]]

    assert [len(part) for part in unbroken(points)] == [30, 30]


def test_thinning_keeps_the_peaks_and_the_order() -> None:
    thinned = Thinned()
    for number in range(50_000):
        thinned.add((T0 + number * 1000, {777: -50.0, 33_333: 99.0}.get(number, float(number % 5))))

    points = thinned.points
    assert len(points) <= 2_000
    assert points == sorted(points)
    assert {(T0 + 777_000, -50.0), (T0 + 33_333_000, 99.0)} <= set(points)


def test_thresholds_are_what_the_model_compares_its_most_compared_attribute_with() -> None:
    found = comparisons(load_model(WARM.read_bytes()))

    assert {each.path for each in found} == {("temp_c",)}
    assert {each.label for each in found} == {"high_c", "high_c - hysteresis_c"}


def test_the_detectors_that_fired_are_drawn_and_those_that_are_left_out_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [f"fridge-{number}" for number in range(8)]
    picture = tmp_path / "p.svg"

    code = main(
        ["backtest", str(WARM), "--telemetry", telemetry(tmp_path / "t.jsonl", *devices), "--plot", str(picture)]
    )

    assert code == 0
    assert "p.svg shows 6 detectors; 2 more fired, --device draws one of them." in capsys.readouterr().err
    drawing = picture.read_text()
    assert [name in drawing for name in devices] == [True] * 6 + [False] * 2
    assert "high_c 8" in drawing


def test_one_device_is_drawn_when_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = telemetry(tmp_path / "t.jsonl", "a", "b")
    picture = tmp_path / "p.svg"
    words = ["backtest", str(WARM), "--telemetry", place, "--plot", str(picture), "--device"]

    assert (main([*words, "b"]), main([*words, "c"])) == (0, 1)

    assert "There is no reading of c to draw." in capsys.readouterr().err
    assert re.findall(r'class="title">(\w)', picture.read_text()) == ["b"]
