"""The page says what the script computes, and the script what was counted."""

import re
from pathlib import Path

import pytest

from benchmarks.scaling import (
    FLEETS,
    TABLES,
    Fleet,
    engine,
    engine_requests,
    engine_write_units,
    first_heartbeats,
    log_write_units,
    store,
    total,
)

PAGE = Path(__file__).parents[3] / "docs" / "scaling.md"


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_the_table_as_it_is_computed(name: str) -> None:
    [told] = re.findall(rf"<!-- {name} -->\n(.*?)\n?<!-- end -->", PAGE.read_text(), flags=re.DOTALL)

    assert told == TABLES[name](), "write it anew: python -m benchmarks.scaling"


def test_full_batches_take_two_requests_each_and_one_for_each_change_and_each_first_heartbeat() -> None:
    fleet = Fleet(10_000_000, 1)

    first = first_heartbeats(fleet) / fleet.messages * 1_000_000
    assert engine_requests(fleet) / fleet.messages * 1_000_000 == pytest.approx(10_803 + first)
    assert first == pytest.approx(139, rel=0.01)


def test_the_log_takes_what_was_counted() -> None:
    """119 batches of 500 heartbeats of 1,000 devices: 1,668 write units."""
    fleet = Fleet(1_000, 2)

    assert fleet.batch() == 500
    assert 119 * log_write_units(fleet) == pytest.approx(1_668, rel=0.05)


def test_the_readings_store_dominates_and_the_engine_is_a_small_part() -> None:
    for fleet in FLEETS[2:]:
        assert store(fleet) > total(fleet) / 2
        assert engine(fleet) < total(fleet) / 15


def test_a_shard_has_no_more_devices_than_are_remembered_and_no_more_messages_than_it_takes() -> None:
    for fleet in FLEETS:
        assert fleet.shard_devices <= 100_000
        assert fleet.rate / fleet.shards <= 500
        assert engine_write_units(fleet) / fleet.messages < 3
