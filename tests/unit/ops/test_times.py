"""Times that people give, and times that people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch_ops.errors import UsageError
from coldwatch_ops.times import parse_length, parse_time, rfc3339

NOW = 1_795_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - 90_000),
        ("15m", NOW - 900_000),
        ("2h", NOW - 7_200_000),
        ("7d", NOW - 604_800_000),
        ("1w", NOW - 604_800_000),
        ("1795000000000", NOW),
        ("2013-12-02T21:15:00Z", 1_386_018_900_000),
        ("2013-12-02T22:15:00+01:00", 1_386_018_900_000),
        ("2013-12-02T21:15:00", 1_386_018_900_000),
        ("2013-12-02", 1_385_942_400_000),
    ],
)
def test_a_time_is_taken_in_every_form_that_is_promised(text: str, expected: int) -> None:
    assert parse_time(text, now_ms=NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2x", "-2h", "12", "2026-13-01", "²h", "\u0661h"])
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(UsageError, match="RFC 3339"):
        parse_time(text, now_ms=NOW)


def test_a_length_of_time_is_a_number_with_its_unit() -> None:
    assert [parse_length(each) for each in ("90s", "30m", "4h", "2d")] == [90_000, 1_800_000, 14_400_000, 172_800_000]


@pytest.mark.parametrize("text", ["", "0m", "-2h", "12", "1795000000000", "2026-01-01T00:00:00Z", "2026-01-01"])
def test_a_moment_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a length of time: give it as 30m"):
        parse_length(text)


@given(st.integers(0, 9_999_999_999_999))
def test_a_printed_time_is_read_back_as_itself(epoch_ms: int) -> None:
    assert parse_time(rfc3339(epoch_ms), now_ms=NOW) == epoch_ms


def test_a_time_beyond_every_calendar_is_printed_as_its_number() -> None:
    assert rfc3339(10**18) == "1000000000000000000"


def test_no_time_prints_nothing() -> None:
    assert rfc3339(None) == ""
