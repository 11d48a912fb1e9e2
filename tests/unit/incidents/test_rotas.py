"""Who is on call: turns, hours and overrides, and the two nights of the year in which clocks change."""

import json
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.incidents.escalation.local_time import instant
from coldwatch.incidents.escalation.rota import (
    Hours,
    Layer,
    Override,
    Rota,
    RotaError,
    hand_over,
    on_call,
    participant,
    shift_number,
    shifts,
    turn,
)
from coldwatch.incidents.escalation.rota_document import read_rota

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/rota.schema.json").read_text())
EXAMPLE: dict[str, Any] = SCHEMA["examples"][0]
HOUR, DAY = 3_600_000, 86_400_000
EVERY_DAY = frozenset(range(7))
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = [
    ZoneInfo(each)
    for each in (
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",  # half an hour of daylight saving
        "Pacific/Apia",  # left out 2011-12-30
        "Africa/Casablanca",  # sets clocks back for Ramadan
        "Asia/Kathmandu",  # 5:45
        "America/Sao_Paulo",  # changed at midnight, until 2018
    )
]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def layer(**changes: Any) -> Layer:
    known: dict[str, Any] = {
        "name": "days",
        "participants": ("ana", "ben", "cem"),
        "start_date": date(2026, 1, 5),
        "hand_over_at": time(9),
        "shift_days": 1,
    }
    return Layer(**{**known, **changes})


def rota(*layers: Layer, zone: ZoneInfo = BERLIN, overrides: tuple[Override, ...] = ()) -> Rota:
    return Rota("r", "1", zone, layers or (layer(),), overrides)


def manned(here: Rota, begins: str, ends: str) -> list[tuple[int, int]]:
    """When somebody is on call between two times."""
    return [(each.from_ms, each.until_ms) for each in shifts(here, at(begins), at(ends)) if each.turn.contact]


@pytest.mark.parametrize(
    ("zone", "before", "hours"),
    [
        (BERLIN, "2026-03-28T09:00+01:00", 23),
        (BERLIN, "2026-10-24T09:00+02:00", 25),
        (NEW_YORK, "2026-03-07T09:00-05:00", 23),
        (NEW_YORK, "2026-10-31T09:00-04:00", 25),
        (BERLIN, "2026-05-01T09:00+02:00", 24),
    ],
)
def test_a_hand_over_at_nine_stays_at_nine_when_clocks_change(zone: ZoneInfo, before: str, hours: int) -> None:
    begins = at(before)
    number = shift_number(layer(), zone, begins)

    ends = hand_over(layer(), zone, number + 1)

    assert hand_over(layer(), zone, number) == begins
    assert local(ends, zone).strftime("%H:%M") == "09:00"
    assert (ends - begins) / HOUR == hours


@pytest.mark.parametrize(
    ("zone", "clock", "utc"),
    [
        (BERLIN, "2026-03-29T02:30", "2026-03-29T01:30Z"),  # at 03:30 summer time: 02:30 does not come
        (BERLIN, "2026-10-25T02:30", "2026-10-25T00:30Z"),  # the first one, still in summer time
        (NEW_YORK, "2026-03-08T02:30", "2026-03-08T07:30Z"),
        (NEW_YORK, "2026-11-01T01:30", "2026-11-01T05:30Z"),
    ],
)
def test_a_time_that_comes_twice_is_the_first_and_one_that_never_comes_is_an_hour_later(
    zone: ZoneInfo, clock: str, utc: str
) -> None:
    planned = datetime.fromisoformat(clock)
    made = layer(start_date=planned.date() - timedelta(days=2), hand_over_at=planned.time())

    assert hand_over(made, zone, 2) == at(utc)
    assert participant(made, zone, at(utc) - 1) == "ben"
    assert participant(made, zone, at(utc)) == "cem"


def test_weeks_hand_over_on_their_weekday() -> None:
    weeks = rota(layer(shift_days=7))

    assert on_call(weeks, at("2026-01-12T08:59:59+01:00")) == ("ana",)
    assert on_call(weeks, at("2026-01-12T09:00:00+01:00")) == ("ben",)
    assert on_call(weeks, at("2026-10-26T08:59:59+01:00")) == ("cem",)
    assert on_call(weeks, at("2026-10-26T09:00:00+01:00")) == ("ana",)


def test_before_its_start_a_layer_has_nobody_and_the_one_below_has() -> None:
    here = rota(layer(start_date=date(2026, 6, 1)), layer(name="until then", participants=("dana",)))

    assert on_call(here, at("2026-06-01T08:59+02:00")) == ("dana",)
    assert on_call(here, at("2026-06-01T09:00+02:00")) == ("ana",)
    assert on_call(rota(layer(start_date=date(2026, 6, 1))), at("2026-06-01T08:59+02:00")) == ()


def test_a_layer_with_hours_is_there_only_then_and_its_turns_go_on() -> None:
    nights = Hours(frozenset({0, 4}), time(22), time(6))
    here = rota(layer(name="nights", hours=(nights,), participants=("dana", "eli")), layer(name="days"))

    assert turn(here, at("2026-01-05T21:59+01:00")).layer == "days"
    assert turn(here, at("2026-01-05T22:00+01:00")).contact == "dana"
    assert turn(here, at("2026-01-06T05:59+01:00")).contact == "dana"
    assert turn(here, at("2026-01-06T06:00+01:00")).layer == "days"
    assert turn(here, at("2026-01-06T22:00+01:00")).layer == "days"  # a Tuesday
    assert turn(here, at("2026-01-09T23:00+01:00")).contact == "dana"
    assert turn(here, at("2026-01-10T03:00+01:00")).contact == "dana"  # Friday's night, though it is Saturday


def test_a_night_in_which_clocks_are_set_back_is_an_hour_longer() -> None:
    nights = rota(layer(hours=(Hours(EVERY_DAY, time(22), time(6)),), participants=("dana",)))

    found = manned(nights, "2026-10-24T12:00+02:00", "2026-10-25T12:00+01:00")

    assert [(ends - begins) / HOUR for begins, ends in found] == [9]


def test_hours_that_begin_and_end_alike_are_whole_days() -> None:
    weekend = rota(layer(hours=(Hours(frozenset({5, 6}), time(0), time(0)),), participants=("dana",)))

    found = manned(weekend, "2026-03-23T00:00+01:00", "2026-03-30T12:00+02:00")

    assert found == [(at("2026-03-28T00:00+01:00"), at("2026-03-30T00:00+02:00"))]


def test_overrides_come_first_and_the_last_one_before_the_others() -> None:
    begins = at("2026-01-06T00:00+01:00")
    long = Override("ben", begins, begins + DAY, "ana", "Christmas")
    short = Override("cem", begins + HOUR, begins + 2 * HOUR)
    here = rota(overrides=(long, short))

    told = [turn(here, begins + offset).contact for offset in (-1, 0, HOUR - 1, HOUR, 2 * HOUR, DAY - 1, DAY)]

    assert told == ["ana", "ben", "ben", "cem", "ben", "ben", "ben"]
    assert turn(here, begins).override == long
    assert turn(here, begins + DAY).override is None


layers = st.builds(
    Layer,
    name=st.just("l"),
    participants=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4).map(tuple),
    start_date=st.dates(date(2009, 1, 1), date(2012, 6, 1)) | st.dates(date(2025, 6, 1), date(2026, 6, 1)),
    hand_over_at=st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    shift_days=st.sampled_from([1, 2, 7, 14]),
)
hours = st.builds(
    Hours,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    from_=st.integers(0, 23).map(time),
    until=st.integers(0, 23).map(time),
)
layers_with_hours = st.builds(
    lambda made, found: Layer(
        made.name, made.participants, made.start_date, made.hand_over_at, made.shift_days, tuple(found)
    ),
    layers,
    st.lists(hours, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(layers, st.sampled_from(ZONES), st.integers(0, 900 * DAY))
def test_from_its_start_on_a_layer_has_exactly_one_participant_at_each_instant(
    made: Layer, zone: ZoneInfo, later: int
) -> None:
    moment = hand_over(made, zone, 0) + later
    number = shift_number(made, zone, moment)

    assert number >= 0
    assert hand_over(made, zone, number) <= moment < hand_over(made, zone, number + 1)
    assert participant(made, zone, moment) == made.participants[number % len(made.participants)]


@settings(max_examples=300, deadline=None)
@given(layers, st.sampled_from(ZONES), st.integers(1, 500))
def test_at_a_hand_over_there_is_neither_gap_nor_overlap_and_the_clock_says_when(
    made: Layer, zone: ZoneInfo, number: int
) -> None:
    begins = hand_over(made, zone, number)
    shown = local(begins, zone)

    assert shift_number(made, zone, begins - 1) < shift_number(made, zone, begins)
    assert participant(made, zone, begins - 1) in made.participants
    planned = datetime.combine(made.start_date, made.hand_over_at) + timedelta(days=number * made.shift_days)
    if shown.replace(tzinfo=None) == planned:
        assert shown.fold == 0
    else:  # a time that does not come: no minute around it shows it
        minutes = range(begins - 26 * HOUR, begins + 26 * HOUR, 60_000)
        assert planned not in {local(each, zone).replace(tzinfo=None) for each in minutes}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(layers_with_hours, min_size=1, max_size=3),
    st.sampled_from(ZONES),
    st.lists(st.tuples(st.integers(0, 30 * DAY), st.integers(1, 5 * DAY)), max_size=3),
    st.integers(0, 40 * DAY),
    st.lists(st.integers(0, 20 * DAY - 1), min_size=5, max_size=20),
)
def test_shifts_are_the_turns_of_every_instant_without_a_gap(
    made: list[Layer], zone: ZoneInfo, stand_ins: list[tuple[int, int]], begins: int, instants: list[int]
) -> None:
    origin = instant(made[0].start_date, time(0), zone) - 5 * DAY
    overrides = tuple(Override("z", origin + first, origin + first + length) for first, length in stand_ins)
    here, begins = Rota("r", "1", zone, tuple(made), overrides), origin + begins

    found = shifts(here, begins, begins + 20 * DAY)

    assert (found[0].from_ms, found[-1].until_ms) == (begins, begins + 20 * DAY)
    assert all(one.until_ms == other.from_ms for one, other in pairwise(found))
    assert all(one.turn != other.turn for one, other in pairwise(found))
    for each in [*(begins + offset for offset in instants), *(shift.until_ms - 1 for shift in found)]:
        (own,) = [shift for shift in found if shift.from_ms <= each < shift.until_ms]
        assert own.turn == turn(here, each)


def test_the_example_is_a_rota_and_so_is_the_one_of_the_page() -> None:
    text = (Path(__file__).parents[3] / "docs/policies.md").read_text()
    offered = json.loads(text.partition("## Rotas")[2].partition("```json\n")[2].partition("```")[0])

    for document in (EXAMPLE, offered):
        Draft202012Validator(SCHEMA).validate(document)
        made = read_rota(document)
        assert on_call(made, at("2026-12-24T12:00+01:00")) == ("ben",)
        assert on_call(made, at("2026-12-28T09:00+01:00")) == ("ana",)
        assert made.contacts == {"ana", "ben", "cem", "dana"}


def changed(place: str, value: Any) -> dict[str, Any]:
    """The example with one member of it, or of its first or last layer, changed."""
    document: dict[str, Any] = json.loads(json.dumps(EXAMPLE))
    where: Any = document
    *path, name = place.split(".")
    for each in path:
        where = where[int(each) if each.lstrip("-").isdecimal() else each]
    where[name] = value
    return document


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("rota_id", "a b", "rota_id: 1 to 64 letters, digits, - and _"),
        ("time_zone", "Europe/Berln", "time_zone: there is no time zone 'Europe/Berln'"),
        ("time_zone", "../passwd", "time_zone: there is no time zone"),
        ("time_zone", "", "time_zone: there is no time zone"),
        ("time_zone", "Europe", "time_zone: there is no time zone 'Europe'"),
        ("layers", [], "layers: there are between 1 and 20"),
        ("layers.1.participants", [], "layers[1].participants: give between 1 and 50 contacts"),
        ("layers.1.hand_over_at", "9:00", "layers[1].hand_over_at: '9:00' is no time of day such as 09:00"),
        ("layers.1.hand_over_at", "24:00", "is no time of day"),
        ("layers.1.shift", {}, "layers[1].shift: a shift has `days` or `weeks`"),
        ("layers.1.shift", {"days": 1, "weeks": 1}, "layers[1].shift: a shift has `days` or `weeks`"),
        ("layers.1.shift", {"weeks": 0}, "layers[1].shift: a shift is between 1 and 366"),
        ("layers.1.start_date", "2026-02-30", "layers[1].start_date: '2026-02-30' is no date"),
        ("layers.1.start_date", "20260105", "is no date"),
        ("layers.1.start_date", "2026-01-06", "2026-01-06 is a tuesday, and the layer hands over on monday"),
        ("layers.1.hand_over_on", "Monday", "layers[1].hand_over_on: there is no 'Monday'"),
        ("layers.1.hours", [], "layers[1].hours: give between 1 and 50, or leave it out"),
        ("layers.0.hours.0.days", ["monday", "monday"], "layers[0].hours[0].days: give each day once"),
        ("layers.0.hours.0.from", "late", "layers[0].hours[0].from: 'late' is no time of day"),
        ("layers.0.hours.0.til", "06:00", "layers[0].hours[0]: Object contains unknown field `til`"),
        ("overrides.0.from", "Christmas", "overrides[0]: `from` and `until` are RFC 3339 times"),
        ("overrides.0.until", "2026-12-24T11:59", "overrides[0]: it ends at 2026-12-24T11:59, which is not after"),
        ("overrides.0.contact", "", "overrides[0].contact: a contact has no name"),
    ],
)
def test_what_is_no_rota_is_told_with_its_place(place: str, value: Any, said: str) -> None:
    with pytest.raises(RotaError) as raised:
        read_rota(changed(place, value))

    assert any(said in fault for fault in raised.value.faults), raised.value.faults


def test_an_override_without_an_offset_is_local_and_with_one_is_not() -> None:
    document = changed("overrides.0.until", "2026-12-24T12:00:00Z")

    (override,) = read_rota(document).overrides

    assert (override.from_ms, override.until_ms) == (at("2026-12-24T11:00+00:00"), at("2026-12-24T12:00+00:00"))
