"""Reading the file of `devices allow`: CSV with a heading, or JSON. Pure; tells every fault, not the first."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coldwatch_ops.devices.names import identity_faults
from coldwatch_ops.errors import UsageError

_COLUMNS = ("serial", "application", "fleet_id", "device_type")
_SHORT = {"fleet": "fleet_id", "type": "device_type"}


@dataclass(frozen=True)
class AllowedSerial:
    serial: str
    application: str
    fleet_id: str
    device_type: str


def checked(rows: list[tuple[str, Mapping[str, Any]]]) -> list[AllowedSerial]:
    """`rows` are pairs of where a row stands and its members; UsageError with one line per fault."""
    serials: dict[str, AllowedSerial] = {}
    faults: list[str] = []
    for place, row in rows:
        values = {_SHORT.get(name, name): value for name, value in row.items()}
        missing = [name for name in _COLUMNS if not isinstance(values.get(name), str) or not values[name].strip()]
        if missing:
            faults.append(f"{place}: {', '.join(missing)} must be there, as text")
            continue
        allowed = AllowedSerial(*(values[name].strip() for name in _COLUMNS))
        faults += [f"{place}: {fault}" for fault in _faults(allowed, serials)]
        serials[allowed.serial] = allowed
    if faults:
        raise UsageError("Nothing was allowed:", faults)
    return list(serials.values())


def _faults(allowed: AllowedSerial, before: Mapping[str, AllowedSerial]) -> list[str]:
    faults = identity_faults(allowed.application, allowed.fleet_id, allowed.device_type, allowed.serial)
    if allowed.serial in before:
        faults.append(f"serial {allowed.serial!r} is there twice")
    return faults


def read_allow_file(text: str) -> list[AllowedSerial]:
    """JSON when it starts as JSON does: a list of objects, or `{"devices": [...]}`; else CSV."""
    rows = list(_json_rows(text) if text.lstrip()[:1] in {"[", "{"} else _csv_rows(text))
    if not rows:
        raise UsageError(f"The file names no device. Give CSV with the heading {','.join(_COLUMNS)}, or JSON.")
    return checked(rows)


def _csv_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), skipinitialspace=True)
    try:
        for row in reader:
            yield f"line {reader.line_num}", {str(name).strip(): value for name, value in row.items()}
    except csv.Error as error:
        raise UsageError(f"line {reader.line_num} is not CSV: {error}.") from None


def _json_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The file is not JSON: {error}.") from None
    rows = document.get("devices") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError('The file must be a JSON list of objects, or {"devices": [...]}.')
    yield from ((f"device {number}", row) for number, row in enumerate(rows, start=1))
