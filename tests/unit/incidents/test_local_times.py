"""Responders read times on their own clocks: in messages, in digests and on the page."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from coldwatch.incidents.answering import Outcome
from coldwatch.incidents.contacts import Address, ChannelKind, Contact, ContactError, keep_known, make_contact
from coldwatch.incidents.pages.incident_page import render
from coldwatch.incidents.time_zones import local_time, zone_or_utc
from coldwatch.incidents.wording import moment
from tests.unit.incidents.builders import MINUTE, NOW, opened, told, world
from tests.unit.incidents.page_examples import BEFORE, OPEN, view
from tests.unit.incidents.page_world import page_world
from tests.unit.incidents.storms.builders import device, opens, storm_world
from tests.unit.incidents.storms.telling import SLOW
from tests.unit.incidents.storms.workflow import Clockwork

BERLIN = ZoneInfo("Europe/Berlin")
MAIL = Address(ChannelKind.SES_EMAIL, "ana@example.com", 1)


def contact(contact_id: str, zone: Any) -> Contact:
    return Contact(contact_id, contact_id.title(), (MAIL,), zone)


def epoch_ms(said: str) -> int:
    return int(datetime.fromisoformat(said).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "since"),
    [
        ("", "2025-12-31 23:55:00Z"),
        ("UTC", "2025-12-31 23:55:00Z"),
        ("Europe/Berlin", "2026-01-01 00:55:00 CET (2025-12-31 23:55:00Z)"),
        ("America/New_York", "2025-12-31 18:55:00 EST (23:55:00Z)"),
        ("Asia/Kathmandu", "2026-01-01 05:40:00 UTC+05:45 (2025-12-31 23:55:00Z)"),
        ("Nowhere/Land", "2025-12-31 23:55:00Z"),
        ("../../etc/passwd", "2025-12-31 23:55:00Z"),
        ("a/" * 500 + "a", "2025-12-31 23:55:00Z"),
        ("right/Europe/Berlin", "2025-12-31 23:55:00Z"),
        (None, "2025-12-31 23:55:00Z"),
        (5, "2025-12-31 23:55:00Z"),
        ([], "2025-12-31 23:55:00Z"),
    ],
)
def test_a_message_tells_times_by_the_responders_clock_and_by_utc(zone: Any, since: str) -> None:
    here = world()
    here.directory.contacts["ana"] = contact("ana", zone)

    told(here, opened(here), 1)

    (sent,) = here.channel.sent
    (line,) = (line for line in sent.text.splitlines() if line.startswith("Since:"))
    assert line == f"Since:    {since}"
    assert dict(sent.facts)["Since"] == "2025-12-31 23:55:00Z", "a card is read by a room, or by a program"
    assert since in sent.html
    answer_by = moment(NOW + MINUTE, zone_or_utc(zone))
    assert f"Answer by {answer_by}; then" in sent.text
    assert f"Answer by {answer_by}; then" in sent.html


def test_each_of_a_tier_has_their_own_clock() -> None:
    here = world()
    here.directory.contacts |= {"ben": contact("ben", "Europe/Berlin"), "cem": contact("cem", "Asia/Tokyo")}
    incident = opened(here)
    told(here, incident, 1)

    told(here, incident, 2, now_ms=NOW + MINUTE)

    since = {each.contact_id: re.search(r"Since: +[-0-9]+ ([:0-9]+)", each.text) for each in here.channel.sent}
    assert {who: found and found[1] for who, found in since.items()} == {
        "ana": "23:55:00",
        "ben": "00:55:00",
        "cem": "08:55:00",
    }


def test_a_digest_tells_times_by_the_responders_clock() -> None:
    here = storm_world(SLOW)
    here.directory.contacts["ana"] = contact("ana", "Europe/Berlin")
    clock = Clockwork(here, NOW)
    for number in range(8):
        opens(here, device(here, number, site=None), at=clock.now)

    clock.run_until(NOW + 10 * MINUTE)

    digest = here.channel.sent[6]
    for form in (digest.text, digest.html):
        assert form.count("since 2026-01-01 01:00:00 CET (00:00:00Z)") == 2


def page(**changes: Any) -> str:
    return render(view(Outcome.SHOWN, OPEN, *BEFORE, **changes), status=200).html


def test_the_page_tells_its_reader_every_time_by_their_clock_and_programs_by_utc() -> None:
    here, there = page(), page(zone=BERLIN)

    assert "by 00:17 UTC (in 4 min)" in here
    assert "by 01:17 CET (in 4 min)" in there
    shown = re.findall(r'<time datetime="([^"]+)">([^<]+) CET</time>', there)
    assert len(shown) > 4
    for for_programs, for_people in shown:
        assert datetime.fromisoformat(for_people).replace(tzinfo=BERLIN) == datetime.fromisoformat(for_programs)
    assert "UTC" not in re.sub(r"<[^>]+>", "", there), "the page speaks of one clock alone"


@pytest.mark.parametrize(("secret", "clock"), [("ana", "CET"), ("ben", "UTC")])
def test_a_link_shows_the_clock_of_whom_it_was_sent_to(secret: str, clock: str) -> None:
    here = page_world(time_zones={"ana": "Europe/Berlin"})

    shown = here.get(f"/a/{here.own[secret]}")["body"]

    assert f":03:00 {clock}</time>" in shown


def test_the_hour_that_there_is_twice_is_told_apart() -> None:
    first, second = epoch_ms("2026-10-25T00:30:00Z"), epoch_ms("2026-10-25T01:30:00Z")

    assert moment(first, BERLIN) == "2026-10-25 02:30:00 CEST (00:30:00Z)"
    assert moment(second, BERLIN) == "2026-10-25 02:30:00 CET (01:30:00Z)"


def test_every_zone_that_there_is_has_a_name_for_its_time() -> None:
    for name in available_timezones():
        at, said = local_time(NOW, ZoneInfo(name))
        assert re.fullmatch(r"[A-Za-z]{1,6}|UTC[+-][0-9]{2}:[0-9]{2}", said), name
        assert at.astimezone(UTC) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone",
    ["", "Europe", "Nowhere/Land", "../../etc/passwd", "/etc/localtime", "x\x00", 5, "localtime", "a/" * 500 + "a"],
)
def test_what_is_no_time_zone_is_refused(zone: Any) -> None:
    with pytest.raises(ContactError, match="There is no time zone"):
        make_contact("ana", "Ana", ["ana@example.com"], [], zone)


def test_a_time_zone_stays_until_another_one_is_given() -> None:
    known = contact("ana", "Europe/Berlin")
    again = make_contact("ana", "Ana", ["ana@example.com"], [])

    assert keep_known(again, known).time_zone == "Europe/Berlin"
    assert keep_known(replace(again, time_zone="UTC"), known).time_zone == "UTC"
