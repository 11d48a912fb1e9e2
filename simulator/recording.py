"""A recording of one sensor, replayed as the messages a factory device would have sent at the time.

A recording is CSV with the columns `timestamp` (UTC) and `value`. Each row keeps its number as `seq`, so rows that
share a timestamp stay apart.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulator.errors import RecordingError
from simulator.message import Kind, Message

RECORDINGS = Path(__file__).parent / "recordings"
MACHINE_TEMPERATURE = RECORDINGS / "machine_temperature_system_failure.csv"

UNITS = ("degF", "degC")


@dataclass(frozen=True, slots=True)
class Row:
    """`number` counts from 1; `value` is as recorded."""

    number: int
    timestamp_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    rows: tuple[Row, ...]


def load(path: Path | str) -> Recording:
    """Raises `RecordingError` naming the first line that is not a reading."""
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != ["timestamp", "value"]:
                raise RecordingError(f"{path} is not a recording: its first line must be timestamp,value.")
            rows = tuple(_row(path, number, line) for number, line in enumerate(reader, start=1))
    except OSError as error:
        raise RecordingError(f"The recording {path} cannot be read: {error.strerror}.") from error
    if not rows:
        raise RecordingError(f"The recording {path} holds no readings.")
    return Recording(Path(path).stem, rows)


def _row(path: Path | str, number: int, line: dict[str, str]) -> Row:
    try:
        at = datetime.fromisoformat(line["timestamp"])
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return Row(number, round(at.timestamp() * 1000), float(line["value"]))
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{path}, line {number + 1} is not a reading: {error}.") from error


def messages(recording: Recording, thing: str, *, unit: str = "degF") -> Iterator[Message]:
    """One message for each row. `at_s` counts from the first row.

    In degF, the unit of the shipped recording, the value is the recorded one to the last digit. In degC it is rounded
    to 9 decimals, from which the recorded value comes back to 2e-9.
    """
    began_ms = recording.rows[0].timestamp_ms
    for row in recording.rows:
        body = {
            "device_id": thing,
            "sensor_type": "temperature",
            "value": row.value if unit == "degF" else round((row.value - 32) / 1.8, 9),
            "timestamp": row.timestamp_ms,
            "seq": row.number,
            "metadata": {"unit": unit, "recording": recording.name},
        }
        payload = json.dumps(body, separators=(",", ":")).encode()
        yield Message((row.timestamp_ms - began_ms) / 1000, payload, Kind.RECORDED)
