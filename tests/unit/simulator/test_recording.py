import json
from collections import Counter
from pathlib import Path

import pytest

from simulator import recording
from simulator.errors import RecordingError
from simulator.message import Kind
from simulator.recording import MACHINE_TEMPERATURE


def test_the_shipped_recording_has_22695_rows_and_12_of_them_repeat_a_timestamp() -> None:
    rows = recording.load(MACHINE_TEMPERATURE).rows

    times = Counter(row.timestamp_ms for row in rows)

    assert len(rows) == 22_695
    assert len(rows) - len(times) == 12
    assert rows[0].timestamp_ms == 1_386_018_900_000  # 2013-12-02T21:15:00Z


def test_every_row_becomes_a_message_that_nothing_else_equals() -> None:
    recorded = recording.load(MACHINE_TEMPERATURE)

    told = [json.loads(message.payload) for message in recording.messages(recorded, "plant-machine-1")]

    keys = {(body["timestamp"], body["sensor_type"], body["seq"]) for body in told}
    assert len(keys) == 22_695
    assert [body["value"] for body in told] == [row.value for row in recorded.rows]
    assert told[0] == {
        "device_id": "plant-machine-1",
        "sensor_type": "temperature",
        "value": 73.96732207,
        "timestamp": 1_386_018_900_000,
        "seq": 1,
        "metadata": {"unit": "degF", "recording": "machine_temperature_system_failure"},
    }


def test_in_celsius_the_recorded_value_can_be_told_again() -> None:
    recorded = recording.load(MACHINE_TEMPERATURE)

    told = [json.loads(message.payload) for message in recording.messages(recorded, "t", unit="degC")]

    assert told[0]["metadata"]["unit"] == "degC"
    assert all(
        body["value"] * 1.8 + 32 == pytest.approx(row.value, abs=2e-9)
        for body, row in zip(told, recorded.rows, strict=True)
    )


def test_messages_keep_the_recorded_pace() -> None:
    first, second, *_ = recording.messages(recording.load(MACHINE_TEMPERATURE), "t")

    assert (first.at_s, second.at_s) == (0, 300)
    assert first.kind is Kind.RECORDED


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,value\n", "its first line must be timestamp,value"),
        ("timestamp,value\n", "holds no readings"),
        ("timestamp,value\n2013-12-02 21:15:00,73.9\n2013-12-02 21:20:00,warm\n", "line 3 is not a reading"),
        ("timestamp,value\nyesterday,73.9\n", "line 2 is not a reading"),
        ("timestamp,value\n2013-12-02 21:15:00\n", "line 2 is not a reading"),
    ],
)
def test_what_is_not_a_recording_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "recording.csv"
    file.write_text(text)

    with pytest.raises(RecordingError, match=sentence):
        recording.load(file)


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nothing\.csv cannot be read: No such file"):
        recording.load(tmp_path / "nothing.csv")
