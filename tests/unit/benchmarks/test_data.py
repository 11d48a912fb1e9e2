import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import dataset, reference
from benchmarks.fleet import EXCURSIONS_PER, MESSAGES_PER_DEVICE, SHAPES, Fleet, lines

EVERY_SHAPE = Fleet(devices=EXCURSIONS_PER * len(SHAPES))


def course(*readings: tuple[int, float]) -> list[bytes]:
    """Seconds and temperatures of one device."""
    return [json.dumps({"device_id": "d", "timestamp": 1_000 * at, "temp_c": temp}).encode() for at, temp in readings]


def every_30_s(*temperatures: float) -> list[bytes]:
    return course(*((30 * number, temp) for number, temp in enumerate(temperatures)))


def test_a_seed_gives_the_same_lines_again_and_another_seed_gives_others() -> None:
    assert lines(Fleet(20, seed=3)) == lines(Fleet(20, seed=3))
    assert lines(Fleet(20, seed=3)) != lines(Fleet(20, seed=4))


def test_a_device_gives_the_same_readings_in_a_larger_fleet() -> None:
    assert set(lines(Fleet(10))) < set(lines(Fleet(20)))


def test_the_lines_are_messages_of_the_usual_size_in_the_order_of_their_time() -> None:
    every = lines(Fleet(100))
    messages = [json.loads(line) for line in every]
    times = [message["timestamp"] for message in messages]

    assert times == sorted(times)
    assert set(Counter(message["device_id"] for message in messages).values()) == {MESSAGES_PER_DEVICE}
    assert 235 < sum(map(len, every)) / len(every) < 250


def test_every_shape_of_excursion_ends_as_it_is_meant_to() -> None:
    found = reference.answer(lines(EVERY_SHAPE))
    by_device = Counter(device for device, _, _ in found)
    devices = [f"north-reefer-{number * EXCURSIONS_PER:06d}" for number in range(len(SHAPES))]

    assert [by_device[device] for device in devices] == [1, 1, 1, 2, 0, 1, 1]
    assert set(by_device) <= set(devices)
    assert [device for device, _, cleared in found if cleared is None] == [devices[-1]]


@pytest.mark.parametrize(
    ("messages", "alarms"),
    [
        (every_30_s(9, 9, 9, 9), []),
        (every_30_s(9, 9, 9, 9, 9), [("d", 120_000, None)]),
        (every_30_s(9, 9, 8.0, 9, 9, 9, 9), []),
        (every_30_s(9, 9, 9, 9, 9, 7.5, 7.5), [("d", 120_000, None)]),
        (every_30_s(9, 9, 9, 9, 9, 7.5, 7.5, 7.5), [("d", 120_000, 210_000)]),
        (every_30_s(9, 9, 9, 9, 9, 7, 7, 7.6, 7, 7, 7), [("d", 120_000, 300_000)]),
        (every_30_s(9, 9, 9, 9, 9, 7, 7, 7, 9, 9, 9, 9, 9), [("d", 120_000, 210_000), ("d", 360_000, None)]),
        (course((0, 9), (119, 9), (121, 9)), [("d", 121_000, None)]),
    ],
    ids=["too short", "sustained", "broken", "not yet clear", "cleared", "relapse", "twice", "between messages"],
)
def test_the_answer_is_the_rule_to_the_letter(messages: list[bytes], alarms: list[reference.Alarm]) -> None:
    assert reference.answer(messages) == alarms


def test_data_on_disk_is_used_again_while_it_is_intact_and_written_anew_when_it_is_not(tmp_path: Path) -> None:
    data = dataset.prepare(2_000, tmp_path)
    written = data.full.read_bytes()
    before = data.full.stat().st_mtime_ns

    dataset.prepare(2_000, tmp_path)
    assert data.full.stat().st_mtime_ns == before

    data.full.write_bytes(written[:-1])
    assert not dataset.is_intact(data)
    assert dataset.prepare(2_000, tmp_path).full.read_bytes() == written


def test_the_part_is_all_messages_of_one_device_of_ten(tmp_path: Path) -> None:
    data = dataset.prepare(2_000, tmp_path)
    part = data.part.read_bytes().splitlines()

    assert {json.loads(line)["device_id"] for line in part} == {"north-reefer-000000", "north-reefer-000001"}
    assert len(part) == 200
