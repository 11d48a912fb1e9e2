from datetime import datetime

import pytest

from local.cloud.projection_logic import UnreadableProjectionError, has_value, is_projected, visible

NOW = datetime(2026, 11, 20, 8, 30)  # noqa: DTZ001 - partitions have no time zone
PARAMETERS = {
    "projection.enabled": "TRUE",
    "projection.application.type": "enum",
    "projection.application.values": "coldchain, factory",
    "projection.day.type": "date",
    "projection.day.format": "yyyy-MM-dd",
    "projection.day.range": "2010-01-01,NOW+1DAYS",
    "projection.shard.type": "integer",
    "projection.shard.range": "0,9",
    "projection.fleet.type": "injected",
}


def test_a_table_is_projected_only_when_it_says_so() -> None:
    assert is_projected(PARAMETERS)
    assert not is_projected({})


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("application", "factory", True),
        ("application", "unheard-of", False),
        ("day", "2010-01-01", True),
        ("day", "2009-12-31", False),
        ("day", "2026-11-21", True),
        ("day", "2026-11-22", False),
        ("day", "yesterday", False),
        ("shard", "9", True),
        ("shard", "10", False),
        ("shard", "x", False),
        ("fleet", "any", True),
        ("fleet", "", False),
    ],
)
def test_a_projection_has_a_value(column: str, value: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert has_value(column, value, PARAMETERS, NOW) is expected


@pytest.mark.parametrize(
    ("ends", "value", "expected"),
    [
        ("NOW-3YEARS,NOW", "2024-01-01", True),
        ("NOW-3YEARS,NOW", "2020-01-01", False),
        ("NOW-1HOURS,NOW", "2026-11-19", False),
    ],
)
def test_a_range_may_be_relative_to_now(ends: str, value: str, expected: bool) -> None:  # noqa: FBT001 - likewise
    assert has_value("day", value, PARAMETERS | {"projection.day.range": ends}, NOW) is expected


def test_only_files_of_partitions_that_exist_are_seen() -> None:
    seen = "/tmp/x/application=coldchain/day=2013-12-01/a.parquet"  # noqa: S108 - a path as text
    hidden = [seen.replace("coldchain", "other"), seen.replace("2013", "2003"), "/tmp/x/a.parquet"]  # noqa: S108 - likewise

    assert visible([seen, *hidden], ["application", "day"], PARAMETERS, NOW) == [seen]


@pytest.mark.parametrize(
    "changed",
    [
        {"projection.day.type": "week"},
        {"projection.day.range": "then,NOW"},
        {"projection.day.type": "enum"},
    ],
)
def test_a_projection_that_athena_would_not_take_is_named(changed: dict[str, str]) -> None:
    with pytest.raises(UnreadableProjectionError, match="project"):
        has_value("day", "2013-12-01", PARAMETERS | changed, NOW)
