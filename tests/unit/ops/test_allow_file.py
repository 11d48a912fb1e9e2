"""The file of `devices allow`: every fault is told, and with a fault nothing is taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch_ops.devices.allow_file import AllowedSerial, read_allow_file
from coldwatch_ops.errors import UsageError

HEADING = "serial,application,fleet_id,device_type\n"
FRIDGE = AllowedSerial("S1", "coldchain", "acme", "fridge")


@pytest.mark.parametrize(
    "text",
    [
        HEADING + "S1,coldchain,acme,fridge\n",
        "\ufeffserial, application, fleet, type\r\nS1, coldchain, acme, fridge\r\n",
        "type,fleet,application,serial\nfridge,acme,coldchain,S1",
        '[{"serial": "S1", "application": "coldchain", "fleet_id": "acme", "device_type": "fridge"}]',
        '\n {"devices": [{"serial": "S1", "application": "coldchain", "fleet": "acme", "type": "fridge"}]}',
    ],
)
def test_csv_and_json_say_the_same(text: str) -> None:
    assert read_allow_file(text) == [FRIDGE]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("S1,coldchain,ac-me,fridge", "fleet and a type of letters"),
        ("S1,coldchain,acme,machine", "type 'machine' is none of coldchain's"),
        ("S1,kitchen,acme,fridge", "application 'kitchen' is none of coldchain, factory"),
        ("S 1,coldchain,acme,fridge", "only its serial may also have"),
        ("S1,coldchain,,fridge", "fleet_id must be there"),
        ("S1,coldchain", "fleet_id, device_type must be there"),
        (f"{'S' * 128},coldchain,acme,fridge", "at most 128 characters"),
    ],
)
def test_a_fault_is_told_with_its_line(line: str, fault: str) -> None:
    with pytest.raises(UsageError) as told:
        read_allow_file(HEADING + "S0,coldchain,acme,fridge\n" + line)

    (said,) = told.value.details
    assert said.startswith("line 3: ")
    assert fault in said


def test_every_fault_of_a_file_is_told() -> None:
    with pytest.raises(UsageError) as told:
        read_allow_file(HEADING + "S1,kitchen,acme,fridge\nS2,coldchain,acme,fridge\nS2,coldchain,acme,oven\n")

    assert len(told.value.details) == 3
    assert "'S2' is there twice" in told.value.details[2]


@pytest.mark.parametrize("text", ["", HEADING, "[]", "{}", "[1]", "[" * 100_000, '{"devices": {}}', "[{"])
def test_a_file_without_devices_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UsageError):
        read_allow_file(text)


@given(st.text(max_size=200))
def test_any_text_is_either_devices_or_a_usage_error(text: str) -> None:
    try:
        devices = read_allow_file(text)
    except UsageError:
        return
    assert devices


@given(st.lists(st.from_regex(r"[A-Za-z0-9:_-]{1,20}", fullmatch=True), min_size=1, unique=True))
def test_every_serial_that_makes_a_thing_name_is_taken_in_order(serials: list[str]) -> None:
    rows = [{"serial": serial, "application": "factory", "fleet": "acme", "type": "machine"} for serial in serials]

    assert [device.serial for device in read_allow_file(json.dumps(rows))] == serials
