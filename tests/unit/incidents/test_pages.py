"""The page behind a link: what it says, what it offers, and what it can never do."""

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.commands.incident import KIND
from coldwatch.incidents.answering import Action, Outcome
from coldwatch.incidents.delivery import Delivery
from coldwatch.incidents.incident import Cause, Disposition, EventType, Incident, Page, Status, TimelineEvent
from coldwatch.incidents.pages.chart import POINTS, round_values, thin
from coldwatch.incidents.pages.choices import CAUSES, DISPOSITIONS, snoozes
from coldwatch.incidents.pages.document import HEADERS
from coldwatch.incidents.pages.facts import Measured
from coldwatch.incidents.pages.incident_page import render
from coldwatch.incidents.pages.style import STYLE
from coldwatch.reports.report import report
from tests.unit.incidents.builders import MINUTE, NOW, PROFILE
from tests.unit.incidents.markup import strange_markup
from tests.unit.incidents.page_examples import (
    BEFORE,
    DAYS,
    ESCALATED,
    EXAMPLES,
    NAMES,
    OPEN,
    PAGES,
    PLAN,
    RECORDED,
    SECRET,
    TAKEN,
    TIMELINE,
    readings,
    view,
)
from tests.unit.reports.examples import sources

OTHERS = ["It is over", "5 min", "15 min", "1 h", "4 h", "Tell them now"]
RATE = ["Yes, it was", "No, it was not"]
COMMANDS = ["defrost off", "compressor restart", *RATE]


@pytest.mark.parametrize(
    ("name", "sentence", "buttons"),
    [
        ("shown", "Nobody has it yet.", ["I have it", *OTHERS[1:]]),
        ("acknowledged", "Thank you, Ana Silva: you have it.", [*OTHERS, *COMMANDS]),
        ("already-yours", "You have it, Ana Silva.", [*OTHERS, *COMMANDS]),
        ("already-taken", "Ana Silva has it.", RATE),
        ("too-late", "Too late for this link.", []),
        ("snoozed", "Quiet until 00:43 UTC.", ["I take it up again", *OTHERS, *COMMANDS]),
        ("snoozed-by-another", "Ana Silva put it off until 00:43 UTC.", RATE),
        ("escalated", "The next are told now.", ["I have it", *OTHERS[1:]]),
        ("command-sent", "The command was sent.", [*OTHERS, *COMMANDS]),
        ("not-allowed", "Not from this link.", [*OTHERS, *COMMANDS]),
        ("incomplete", "You have it, Ana Silva.", [*OTHERS, *COMMANDS]),
        ("resolved", "Resolved. Thank you, Ana Silva.", RATE),
        ("already-resolved", "It is over since 00:40 UTC.", RATE),
        ("thanked", "Thank you, Ana Silva.", RATE),
        ("by-code", "Thank you, Ana Silva: you have it.", []),
        ("expired", "This link has expired", []),
        ("code", "Take an incident by its code", ["I have it"]),
        ("code-wrong", "This code does not fit this incident.", ["I have it"]),
        ("code-locked", "Too many tries", []),
    ],
)
def test_each_outcome_says_what_came_of_it_and_offers_what_may_be_done(
    name: str, sentence: str, buttons: list[str]
) -> None:
    html = EXAMPLES[name].html

    assert sentence in html
    assert re.findall(r"<button[^>]*>([^<]+)</button>", html) == buttons


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_runs_nothing_loads_nothing_and_is_small(name: str) -> None:
    html = EXAMPLES[name].html

    assert strange_markup(html) == []
    assert set(re.findall(r'action="([^"]*)"', html)) <= {"../act", "act", "code"}
    assert set(re.findall(r'href="([^"]*)"', html)) <= {
        f"{root}a/{SECRET}{rest}" for root in ("", "../") for rest in ("", "/report.pdf")
    }
    assert len(html.encode()) < 100_000
    assert html.startswith('<!doctype html>\n<html lang="en">')


STORM_OF_500 = [
    *TIMELINE,
    *(
        TimelineEvent(
            NOW + number,
            f"j-{number}",
            EventType.JOINED,
            "coldwatch",
            f"acme-fridge-{number:04d}: Too warm for long (critical) is part of it (incident {'0' * 26}).",
            NOW,
        )
        for number in range(500)
    ),
]
SIXTY_ROUNDS = [
    replace(PAGES[0], round=round_, tier=round_, contact_id=contact, at=NOW + round_ * MINUTE)
    for round_ in range(1, 61)
    for contact in NAMES
]


@pytest.mark.parametrize("found", [OPEN, RECORDED], ids=["open", "over"])
def test_the_page_of_a_storm_of_five_hundred_told_sixty_times_is_small_and_has_what_is_newest(found: Incident) -> None:
    html = render(view(Outcome.SHOWN, found, timeline=STORM_OF_500, pages=SIXTY_ROUNDS), status=200).html

    assert len(html.encode()) < 100_000
    assert [f"acme-fridge-{number:04d}" in html for number in (0, 399, 400, 499)] == [False, False, True, True]
    assert [f"(tier {round_}, e-mail)" in html for round_ in (1, 43, 44, 60)] == [False, False, True, True]
    where = "in the report." if found is RECORDED else "in the report, once it is over."
    assert re.findall(r"And (\d+) earlier ones: (in the report[^<]*)", html) == [("130", where), ("403", where)]


def test_a_page_with_as_much_as_it_has_room_for_says_of_no_more() -> None:
    html = render(view(Outcome.SHOWN, OPEN, timeline=STORM_OF_500[-100:], pages=SIXTY_ROUNDS[-50:]), status=200).html

    assert "earlier ones" not in html


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_has_one_heading_of_the_first_order_and_a_label_for_each_field(name: str) -> None:
    html = EXAMPLES[name].html
    fields = re.findall(r"<(?:input|select|textarea)(?![^>]*hidden)[^>]*>", html)

    assert [order for order in re.findall(r"<h(\d)", html) if order == "1"] == ["1"]
    identities = re.findall(r'\sid="(\w+)"', html)
    assert all(f'<label for="{identity}"' in html for field in fields for identity in re.findall(r' id="(\w+)"', field))
    assert all(" id=" in field for field in fields)
    assert len(set(identities)) == len(identities)


def test_the_title_says_first_what_came_of_it() -> None:
    assert (
        "<title>Thank you, Ana Silva: you have it. Too warm: acme-fridge-0001</title>" in EXAMPLES["acknowledged"].html
    )
    assert "<title>Error: " in EXAMPLES["code-wrong"].html


def test_every_cause_and_disposition_can_be_chosen() -> None:
    assert set(CAUSES) == set(Cause)
    assert set(DISPOSITIONS) == set(Disposition)
    assert all(f'<option value="{cause}">' in EXAMPLES["already-yours"].html for cause in Cause)
    assert '<option value="undecided" selected>' in EXAMPLES["already-yours"].html


@pytest.mark.parametrize(
    ("low", "high", "choices"),
    [
        (300, 14_400, (300, 900, 3600, 14_400)),
        (300, 28_800, (300, 1800, 7200, 28_800)),
        (60, 604_800, (300, 3600, 28_800, 604_800)),
        (300, 18_000, (300, 1800, 7200, 18_000)),
        (1800, 7200, (1800, 3600, 7200)),
        (300, 600, (300, 600)),
        (900, 900, (900,)),
        (400, 500, (500,)),
        (300, 0, ()),
    ],
)
def test_it_can_be_put_off_for_as_long_as_the_plan_lets_it(low: int, high: int, choices: tuple[int, ...]) -> None:
    bounded = replace(PLAN, snooze_min_s=low, snooze_max_s=high)
    html = render(view(Outcome.SHOWN, replace(OPEN, plan=bounded), *BEFORE), status=200).html

    assert snoozes(bounded) == choices
    assert tuple(map(int, re.findall(r'name="snooze_s" value="(\d+)"', html))) == choices


def test_a_form_that_lacks_something_says_what_beside_the_field_and_keeps_what_was_typed() -> None:
    page = EXAMPLES["incomplete"]

    assert page.status == 422
    assert '<p class="fault" id="fault" role="alert">Nothing was changed yet: choose what it was.</p>' in page.html
    assert 'aria-invalid="true" aria-describedby="fault"' in page.html
    assert ">Seal was loose.</textarea>" in page.html


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in HEADERS["content-security-policy"]
    assert f"<style>{STYLE}</style>" in EXAMPLES["shown"].html
    assert HEADERS["content-security-policy"].startswith("default-src 'none'")
    assert HEADERS["cache-control"] == "no-store"
    assert HEADERS["referrer-policy"] == "same-origin"


def test_the_secret_stands_in_the_pages_own_forms_and_links_and_nowhere_else() -> None:
    for name, page in EXAMPLES.items():
        forms = page.html.count(f'<input type="hidden" name="link" value="{SECRET}">')
        links = len(re.findall(rf'href="(?:\.\./)?a/{SECRET}(?:/report\.pdf)?"', page.html))
        assert page.html.count(SECRET) == forms + links, name
    for name in ("by-code", "expired", "unknown", "code", "code-wrong"):
        assert SECRET not in EXAMPLES[name].html


COLOURS = [
    ("--ink", "--paper"),
    ("--ink", "--card"),
    ("--muted", "--card"),
    ("--muted", "--paper"),
    ("--go-ink", "--go"),
    ("--bad", "--bad-soft"),
    ("--bad", "--card"),
    ("--bad", "--bad-soft"),
    ("--warn", "--warn-soft"),
    ("--ok", "--ok-soft"),
    ("--calm", "--calm-soft"),
    ("--ink", "--bad-soft"),
    ("--ink", "--warn-soft"),
    ("--ink", "--ok-soft"),
    ("--ink", "--calm-soft"),
    ("--link", "--paper"),
    ("--muted", "--shade"),
    ("--muted", "--calm-soft"),
    ("--bad", "--calm-soft"),
]
EDGES = [
    ("--edge", "--card"),
    ("--edge", "--paper"),
    ("--link", "--card"),
    ("--link", "--paper"),
    ("--bad", "--card"),
    ("--warn", "--card"),
    ("--warn", "--shade"),
    ("--warn", "--calm-soft"),
]
"""Of fields, buttons, focus and what a drawing marks: WCAG 2.2, 1.4.11 asks for 3 to 1."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), COLOURS)
def test_letters_stand_out_from_what_is_behind_them(scheme: str, ink: str, paper: str) -> None:
    """WCAG 2.2, 1.4.3 (AA): a contrast of 4.5 to 1."""
    assert contrast(scheme, ink, paper) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "paper"), EDGES)
def test_what_can_be_pressed_or_filled_in_stands_out(scheme: str, edge: str, paper: str) -> None:
    assert contrast(scheme, edge, paper) >= 3


def contrast(scheme: str, one: str, other: str) -> float:
    light, dark = STYLE.split("@media", 1)
    known = dict(re.findall(r"(--[a-z-]+):#([0-9a-f]{3,6})", light))
    if scheme == "dark":
        known |= dict(re.findall(r"(--[a-z-]+):#([0-9a-f]{3,6})", dark))
    bright, dim = sorted((luminance(known[one]), luminance(known[other])), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    whole = colour if len(colour) == 6 else "".join(each * 2 for each in colour)
    parts = [int(whole[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


hostile = st.text(alphabet=st.sampled_from("<>&\"'\\/ab\u202e\x00 "), max_size=40)


@settings(deadline=None)
@given(title=hostile, device=hostile, note=hostile, name=hostile)
def test_nothing_that_somebody_wrote_becomes_markup(title: str, device: str, note: str, name: str) -> None:
    plain = render(view(Outcome.SHOWN, OPEN, *BEFORE), status=200).html
    found = replace(OPEN, title=f"x{title}", device_id=f"x{device}", note=f"x{note}", details={"place": {"site": note}})

    html = render(view(Outcome.SHOWN, found, *BEFORE, reader=f"x{name}", names={"ana": name}), status=200).html

    assert set(re.findall(r"<([a-z0-9]+)", html)) <= set(re.findall(r"<([a-z0-9]+)", plain)) | {"p", "br"}
    assert "\u202e" not in html
    assert "\x00" not in html


def test_a_page_full_of_markup_has_the_tags_of_one_without() -> None:
    hostile, plain = (re.findall(r"<[a-z0-9]+", EXAMPLES[name].html) for name in ("hostile-texts", "already-yours"))

    assert set(hostile) == set(plain)
    assert "alert(1)" in EXAMPLES["hostile-texts"].html
    assert "<script" not in EXAMPLES["hostile-texts"].html


def test_three_thousand_readings_are_thinned_and_keep_their_peak() -> None:
    readings = [(NOW + n * 1000, 30.0 if n == 1777 else 4.0) for n in range(3000)]

    points = thin(readings)

    assert len(points) <= POINTS
    assert (NOW + 1_777_000, 30.0) in points
    assert points == sorted(points)


@given(st.floats(-100, 1000), st.floats(0.5, 2000))
def test_an_axis_has_three_to_eight_round_values(low: float, room: float) -> None:
    values = list(round_values(low, low + room))

    assert 3 <= len(values) <= 8
    assert all(low - 1e-6 <= each <= low + room + 1e-6 for each in values)


def test_the_page_tells_what_is_known_now_and_not_what_was_known_when_it_was_told() -> None:
    html = render(view(Outcome.SHOWN, replace(OPEN, peak=8.5, duration_s=300), Action.ACKNOWLEDGE), status=200).html

    assert "<dt>Peak</dt><dd>11.65 °C<br>" in html
    assert "<dt>Lasting</dt><dd>17 min<br>" in html
    assert "<dt>Limits</dt><dd>not above 8 °C, profile default</dd>" in html
    assert "<dt>Time out of range</dt><dd>14 min in all, within the last 2 h 12 min</dd>" in html
    assert "<dt>Mean kinetic temperature</dt><dd>5.62 °C over 2 h 12 min of readings</dd>" in html


def lines(html: str) -> list[str]:
    """The strokes of the drawing's curve."""
    return re.findall(r"M[^M]+", re.findall(r'class="trace" d="([^"]+)"', html)[0])


def test_a_gap_in_the_readings_is_a_gap_in_the_drawing_and_is_told() -> None:
    known = readings()
    gapped = [each for each in known if not NOW - 80 * MINUTE < each["timestamp"] < NOW - 40 * MINUTE]

    html = render(view(Outcome.SHOWN, OPEN, readings=gapped), status=200).html

    assert len(lines(html)) == 2
    assert "40 min without readings" in html
    assert html.count('class="gap"') == 1
    assert html.count("Tinted, without a line: no readings for 40 min.") == 2, "in the drawing's name and below it"


def test_a_device_that_says_nothing_any_more_is_a_gap_up_to_now() -> None:
    of = replace(OPEN, kind="silent", profile=PROFILE | {"silence_s": 300})

    html = render(view(Outcome.SHOWN, of, now_ms=NOW + 72 * MINUTE), status=200).html

    assert html.count("Tinted, without a line: no readings for 1 h.") == 2
    assert html.count('class="gap"') == 1
    assert "1 Jan 01:12 UTC</text>" in html


def test_readings_that_came_late_are_marked_and_told() -> None:
    in_time, html = (EXAMPLES[name].html for name in ("shown", "gap-and-late"))

    assert html.count('class="late"') == 1
    assert html.count("Strip at the foot: 20 min of readings that came late.") == 2
    assert 'class="late"' not in in_time
    assert "Strip" not in in_time


def test_a_thousand_gaps_and_late_readings_leave_a_page_small() -> None:
    """Two readings, a gap, two readings, of which one came late."""
    of = replace(DAYS, profile=PROFILE | {"silence_s": 60})
    known = [each for each in readings(since=-1300) if (each["timestamp"] - NOW) // MINUTE % 4 < 2]
    late = [
        each | {"received_at": each["timestamp"] + 60 * MINUTE * ((each["timestamp"] - NOW) // MINUTE % 4)}
        for each in known
    ]

    html = render(view(Outcome.SHOWN, of, Action.ACKNOWLEDGE, readings=late), status=200).html

    assert 'class="gap"' in html
    assert 'class="late"' in html
    assert len(html.encode()) < 15_000


@pytest.mark.parametrize(
    ("over", "word"), [({}, "Lasting"), ({"recovered_at": NOW}, "Lasted"), ({"status": Status.RESOLVED}, "Lasted")]
)
def test_how_long_it_lasts_is_not_called_time_out_of_range(over: dict[str, Any], word: str) -> None:
    html = render(view(Outcome.SHOWN, replace(OPEN, **over)), status=200).html

    assert f"<dt>{word}</dt><dd>17 min<br>" in html
    assert "<dt>Out of range</dt>" not in html


def sparse(since: int = -120) -> list[dict[str, Any]]:
    """A reading each ten minutes, of which some came late and some are missing."""
    found = [each for each in readings(since=since) if (each["timestamp"] - NOW) // MINUTE % 10 == 0]
    return [each | {"received_at": each["timestamp"] + 900} for each in found]


@pytest.mark.parametrize("kind", ["too_warm", "too_cold", "silent", "cumulative_high"])
@pytest.mark.parametrize("silence_s", [300, 600, 3600])
@pytest.mark.parametrize("high_c", [5.0, -18.0, 25.0])
def test_page_and_report_say_the_same_of_the_same_readings(kind: str, silence_s: int, high_c: float) -> None:
    """How long a gap may be, what is out of range, and whether a mean kinetic temperature says anything."""
    profile = PROFILE | {"silence_s": silence_s, "high_c": high_c, "low_c": -20.0, "cumulative_high_c": high_c}
    of = replace(RECORDED, kind=kind, profile=profile, resolved_at=NOW + 12 * MINUTE, recovered_at=None)

    page = Measured.of(of, sparse())
    said = report(sources(of, sparse(), events=TIMELINE, told=[]))

    course, mean = said["course"], said["mean_kinetic_temperature"]
    assert page.out
    assert page.out.cumulative_ms() == course["above_ms"] + course["below_ms"]
    assert page.out.known_ms == course["known_ms"]
    assert list(page.course.gaps) == course["gaps"]
    assert (page.mean_kinetic is not None) == mean["is_meaningful"]
    if page.mean_kinetic:
        assert round(page.mean_kinetic.celsius, 3) == mean["celsius"]


def test_readings_that_are_farther_apart_than_a_device_may_be_silent_are_dots_and_no_time_out_of_range() -> None:
    of = replace(OPEN, profile=PROFILE | {"silence_s": 300})

    html = render(view(Outcome.SHOWN, of, readings=sparse()), status=200).html

    assert len(lines(html)) == len(sparse())
    assert "<dt>Time out of range</dt><dd>0 s in all, 2 h 10 min without readings" in html


@pytest.mark.parametrize(
    "about", [{"kind": "silent"}, {"kind": "too_cold"}, {"profile": PROFILE | {"high_c": -15.0, "low_c": -50.0}}]
)
def test_a_mean_kinetic_temperature_that_says_nothing_is_not_shown(about: dict[str, Any]) -> None:
    assert "Mean kinetic" not in render(view(Outcome.SHOWN, replace(OPEN, **about)), status=200).html


def test_a_device_whose_last_reading_is_old_is_said_to_be_so() -> None:
    assert '<dt>Last reading</dt><dd>11.65 °C<br><span class="hint">1 min ago</span>' in EXAMPLES["shown"].html


def test_who_was_told_by_what_and_whether_it_came_is_said_and_who_is_next() -> None:
    html = render(view(Outcome.TOO_LATE, ESCALATED), status=409).html

    assert "<strong>Ana Silva</strong> (tier 1, e-mail): <span>delivered</span>" in html
    assert "<strong>Ben Okafor</strong> (tier 2, SMS): <span>sent</span>" in html
    assert '<strong>Cem Yilmaz</strong> (tier 2): <span class="bad">could not be told</span>: no address' in html
    assert "<strong>Next: Ben Okafor and Cem Yilmaz</strong>, at 00:17 UTC (in 4 min)" in EXAMPLES["shown"].html


def test_a_page_that_waits_for_a_digest_is_not_said_to_have_failed() -> None:
    queued = Page("i", 1, 1, "ana", NOW, is_sent=False, delivery="queued")

    html = render(view(Outcome.SHOWN, OPEN, pages=(queued,)), status=200).html

    assert "could not be told" not in html


@pytest.mark.parametrize("delivery", Delivery)
def test_whatever_is_heard_of_a_message_is_said_in_words(delivery: Delivery) -> None:
    page = replace(PAGES[0], delivery=delivery.value, is_sent=delivery is not Delivery.FAILED)

    html = render(view(Outcome.SHOWN, OPEN, pages=[page]), status=200).html

    expected = {
        Delivery.DELIVERED: "<span>delivered</span>",
        Delivery.FAILED: '<span class="bad">could not be told</span>',
        Delivery.COMPLAINED: '<span class="bad">delivered, and marked as unwanted</span>',
    }
    assert f"<strong>Ana Silva</strong> (tier 1, e-mail): {expected[delivery]}" in html


@settings(deadline=None)
@given(low=st.integers(60, 604_800), high=st.integers(60, 604_800))
def test_the_longest_time_that_a_plan_allows_is_always_among_four_that_it_allows(low: int, high: int) -> None:
    low, high = sorted((low, high))

    choices = snoozes(replace(PLAN, snooze_min_s=low, snooze_max_s=high))

    assert 1 <= len(choices) <= 4
    assert choices == tuple(sorted(set(choices)))
    assert choices[0] >= low
    assert choices[-1] == high


def test_whether_it_was_useful_is_asked_when_it_is_over_and_folded_away_before() -> None:
    question, fold = "<h2>Was it useful to be told?</h2>", "<details><summary>Was it useful?</summary>"

    assert (question in EXAMPLES["resolved"].html, fold in EXAMPLES["resolved"].html) == (True, False)
    for name in ("acknowledged", "already-taken", "snoozed-by-another"):
        assert (question in EXAMPLES[name].html, fold in EXAMPLES[name].html) == (False, True), name
    assert "useful" not in EXAMPLES["shown"].html


def test_the_report_is_offered_when_it_is_written() -> None:
    assert "It is being written." in EXAMPLES["resolved"].html
    assert f'href="../a/{SECRET}/report.pdf"' in EXAMPLES["already-resolved"].html
    assert "report.pdf" not in EXAMPLES["already-yours"].html


def test_whoever_closes_an_incident_that_has_not_recovered_is_told_what_that_means() -> None:
    recovered = replace(TAKEN, recovered_at=NOW)

    assert "No recovery has been seen yet." in EXAMPLES["acknowledged"].html
    assert "No recovery" not in render(view(Outcome.ALREADY_YOURS, recovered, Action.RESOLVE), status=200).html


def test_nobody_is_warned_that_a_command_has_not_recovered() -> None:
    unanswered = replace(TAKEN, kind=KIND)

    assert "No recovery" not in render(view(Outcome.ALREADY_YOURS, unanswered, Action.RESOLVE), status=200).html


def test_what_is_low_is_called_so() -> None:
    assert "<dt>Lowest</dt><dd>8 %<br>" in EXAMPLES["battery"].html
    assert "limit 10</text>" in EXAMPLES["battery"].html


def test_a_silent_device_is_shown_by_its_last_temperatures_within_its_profile() -> None:
    assert "<h2>Temperature</h2><figure><svg" in EXAMPLES["silent"].html
    assert "limit 8</text>" in EXAMPLES["silent"].html


def test_a_link_that_is_over_tells_nothing_of_its_incident() -> None:
    assert OPEN.device_id not in EXAMPLES["expired"].html
