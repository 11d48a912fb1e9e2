"""The page behind a link: what it says, what it offers, and what it can never do."""

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.commands.incident import KIND
from coldwatch.incidents.answering import Action, Outcome
from coldwatch.incidents.pages.chart import POINTS, round_values, thin
from coldwatch.incidents.pages.document import HEADERS, STYLE
from coldwatch.incidents.pages.incident_page import render
from tests.unit.incidents.builders import NOW, incident
from tests.unit.incidents.page_examples import EXAMPLES, OPEN, SECRET, TAKEN, view


@pytest.mark.parametrize(
    ("name", "sentence", "button"),
    [
        ("shown", "Nobody has it yet. Ana Silva, press the button by 1 Jan 00:05 UTC", "I have it"),
        ("acknowledged", "Thank you, Ana Silva: you have it.", "It is over"),
        ("already-yours", "You have it, Ana Silva, since 1 Jan 00:01 UTC.", "It is over"),
        ("already-taken", "Ana Silva has it since 1 Jan 00:01 UTC.", None),
        ("too-late", "Too late for this link: Ben Okafor is asked now.", None),
        ("resolved", "Resolved. Thank you, Ana Silva.", None),
        ("already-resolved", "Resolved at 1 Jan 00:40 UTC: by ana.", None),
        ("expired", "This link has expired", None),
    ],
)
def test_each_outcome_says_what_came_of_it_and_offers_what_may_be_done(
    name: str, sentence: str, button: str | None
) -> None:
    html = EXAMPLES[name].html

    assert sentence in html
    assert re.findall(r"<button[^>]*>([^<]+)</button>", html) == ([button] if button else [])


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_runs_nothing_loads_nothing_and_is_small(name: str) -> None:
    html = EXAMPLES[name].html

    assert "<script" not in html
    assert not re.findall(r"\son\w+=", html)
    assert not re.findall(r"(?:src|href)=", html)
    assert set(re.findall(r'action="([^"]*)"', html)) <= {"../act", "act"}
    assert len(html.encode()) < 100_000
    assert html.startswith('<!doctype html>\n<html lang="en">')


def test_the_policy_allows_the_pages_own_style_and_nothing_else() -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in HEADERS["content-security-policy"]
    assert f"<style>{STYLE}</style>" in EXAMPLES["shown"].html
    assert HEADERS["content-security-policy"].startswith("default-src 'none'")
    assert HEADERS["cache-control"] == "no-store"
    assert HEADERS["referrer-policy"] == "same-origin"


def test_the_secret_stands_in_the_form_that_may_act_and_nowhere_else() -> None:
    assert EXAMPLES["shown"].html.count(SECRET) == 1
    for name in ("already-taken", "too-late", "resolved", "expired", "unknown"):
        assert SECRET not in EXAMPLES[name].html


COLOURS = [
    ("--ink", "--paper"),
    ("--ink", "--card"),
    ("--muted", "--card"),
    ("--muted", "--paper"),
    ("--go-ink", "--go"),
    ("--bad", "--bad-soft"),
    ("--bad", "--card"),
    ("--ink", "--warn-soft"),
    ("--ink", "--ok-soft"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), COLOURS)
def test_letters_stand_out_from_what_is_behind_them(scheme: str, ink: str, paper: str) -> None:
    """WCAG 2.2, 1.4.3 (AA): a contrast of 4.5 to 1."""
    light, dark = STYLE.split("@media", 1)
    known = dict(re.findall(r"(--[a-z-]+):#([0-9a-f]{3,6})", light))
    if scheme == "dark":
        known |= dict(re.findall(r"(--[a-z-]+):#([0-9a-f]{3,6})", dark))

    bright, dim = sorted((luminance(known[ink]), luminance(known[paper])), reverse=True)

    assert (bright + 0.05) / (dim + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    whole = colour if len(colour) == 6 else "".join(each * 2 for each in colour)
    parts = [int(whole[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


hostile = st.text(alphabet=st.sampled_from("<>&\"'\\/ab\u202e\x00 "), max_size=40)


@given(title=hostile, device=hostile, note=hostile, name=hostile)
def test_nothing_that_somebody_wrote_becomes_markup(title: str, device: str, note: str, name: str) -> None:
    plain = render(view(Outcome.SHOWN, OPEN, Action.ACKNOWLEDGE), status=200).html
    found = incident(title=f"x{title}", device_id=f"x{device}", note=f"x{note}", round=1, peak=9.0)

    html = render(view(Outcome.SHOWN, found, Action.ACKNOWLEDGE, reader=f"x{name}"), status=200).html

    assert set(re.findall(r"<([a-z0-9]+)", html)) <= set(re.findall(r"<([a-z0-9]+)", plain)) | {"p"}


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

    assert "<dt>Peak</dt><dd>11.65 °C</dd>" in html
    assert "<dt>Out of range</dt><dd>17 min</dd>" in html
    assert "<dt>Limits</dt><dd>not above 8 °C, profile default</dd>" in html


def test_whoever_closes_an_incident_that_has_not_recovered_is_told_what_that_means() -> None:
    recovered = replace(TAKEN, recovered_at=NOW)

    assert "No recovery has been seen yet." in EXAMPLES["acknowledged"].html
    assert "No recovery" not in render(view(Outcome.ALREADY_YOURS, recovered, Action.RESOLVE), status=200).html


def test_nobody_is_warned_that_a_command_has_not_recovered() -> None:
    unanswered = replace(TAKEN, kind=KIND)

    assert "No recovery" not in render(view(Outcome.ALREADY_YOURS, unanswered, Action.RESOLVE), status=200).html


def test_what_is_low_is_called_so() -> None:
    assert "<dt>Lowest</dt><dd>8 %</dd>" in EXAMPLES["battery"].html
    assert "limit 10</text>" in EXAMPLES["battery"].html


def test_a_silent_device_is_shown_by_its_last_temperatures_within_its_profile() -> None:
    assert "<h2>Temperature</h2><svg" in EXAMPLES["silent"].html
    assert "limit 8</text>" in EXAMPLES["silent"].html


def test_a_link_that_is_over_tells_nothing_of_its_incident() -> None:
    assert OPEN.device_id not in EXAMPLES["expired"].html
