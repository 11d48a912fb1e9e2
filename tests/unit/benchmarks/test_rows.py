from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import dataset, reference, rounds, rows
from benchmarks.fleet import EXCURSIONS_PER, SHAPES, Fleet, lines
from benchmarks.rounds import Sample, WrongAnswerError

EVERY_SHAPE = lines(Fleet(devices=EXCURSIONS_PER * len(SHAPES)))


def answer(module: str) -> list[Any]:
    candidate = import_module(f"benchmarks.candidates.{module}").Candidate()
    for start in range(0, len(EVERY_SHAPE), 500):
        candidate.feed(EVERY_SHAPE[start : start + 500])
    found: list[Any] = candidate.answer()
    return found


@pytest.mark.parametrize("module", ["hand_written", "coldwatch", "coldwatch_timers", "oracle"])
def test_a_row_gives_the_answer_of_the_plain_scan(module: str) -> None:
    assert answer(module) == reference.answer(EVERY_SHAPE)


def test_the_wide_model_is_moved_by_the_data_and_has_one_answer() -> None:
    walked = answer("oracle_wide")

    assert {state for _, _, state in walked} == {"normal", "warm", "cold", "rough", "weak"}
    assert answer("coldwatch_wide") == walked


def test_ratios_are_of_their_own_round() -> None:
    quiet = {"hand-written": Sample(0.1, 0.2, 10), "oracle": Sample(1.0, 2.0, 20)}
    busy = {"hand-written": Sample(1.0, 2.0, 10), "oracle": Sample(12.0, 22.0, 30)}

    floor, oracle = rounds.summarise([quiet, busy, quiet])

    assert (floor["ratio_process"], floor["ratio_total"]) == (1.0, 1.0)
    assert (oracle["us_process"], oracle["ratio_process"], oracle["ratio_total"]) == (1.0, 10.0, 10.0)
    assert (oracle["range_process"], oracle["peak_mb"]) == ([10.0, 12.0], 30)


def test_a_row_runs_in_a_process_of_its_own_and_a_wrong_answer_ends_the_run(tmp_path: Path) -> None:
    data = dataset.prepare(2_000, tmp_path)
    right = [list(alarm) for alarm in reference.answer(data.full.read_bytes().splitlines())]

    found = rounds.run_round([rows.FLOOR], data, {data.full: right})
    assert 0 < found["hand-written"].process < found["hand-written"].total

    with pytest.raises(WrongAnswerError, match="hand-written"):
        rounds.run_round([rows.FLOOR], data, {data.full: []})
