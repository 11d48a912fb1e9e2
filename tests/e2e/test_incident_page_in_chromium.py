"""The incident page in a real browser, with fakes behind it: each page, size and theme, and what hostile sites may do.

Needs Chromium, and npm once for axe. Pictures of every page are kept in `.local/screenshots`, for people to look at.
"""

import html as html_text
import itertools
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from coldwatch.incidents.incident import Cause, Disposition, Status
from tests.e2e.accessibility import focus_faults, overflow, too_small, violations
from tests.e2e.browser import Browser, browser
from tests.e2e.journey import button, keep_picture, labels, press, resolve, text, unfold
from tests.e2e.served_page import ServedPage, served_page, serving
from tests.unit.incidents.page_examples import EXAMPLES
from tests.unit.incidents.page_world import REPORT
from tests.unit.incidents.test_hostile_requests import MARKUP, written_by_others

pytestmark = pytest.mark.long

SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
THEMES = {"light": False, "dark": True}
IN_APP = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "[FBAN/FBIOS;FBAV/466.0;FBDV/iPhone14,5]"
)


@pytest.fixture
def page() -> Iterator[ServedPage]:
    with served_page() as found:
        yield found


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_any_page_and_a_thumb_hits_everything(page: ServedPage, size: str, theme: str) -> None:
    found: dict[str, list[str]] = {}
    with browser(*SIZES[size], is_dark=THEMES[theme]) as chromium:
        for name in EXAMPLES:
            chromium.get(f"{page.address}/example/{name}")
            keep_picture(chromium, f"{name}-{size}-{theme}")
            faults = [*violations(chromium), *too_small(chromium)]
            found[name] = faults + ([f"{wide} px too wide"] if (wide := overflow(chromium)) else [])
        refused = [each for each in console(chromium) if "Content Security" in each]

    assert {name: faults for name, faults in found.items() if faults} == {}
    assert refused == [], "the page's own style is allowed by its own policy"


def test_axe_finds_what_is_wrong() -> None:
    with browser(*SIZES["desktop"]) as chromium:
        chromium.get("data:text/html,<p style='color:%23999'>pale</p><input><img src='x'><div style='width:2000px'>x")
        found = violations(chromium)
        assert overflow(chromium) > 0
        assert too_small(chromium)

    assert {"color-contrast", "image-alt", "label"} <= {each.partition(":")[0] for each in found}


@pytest.mark.parametrize(("width", "height"), [(320, 256), (640, 450), (180, 370)])
def test_at_400_and_200_percent_nothing_has_to_be_scrolled_sideways(page: ServedPage, width: int, height: int) -> None:
    """1280 pixels at 400 % and 200 %, and a telephone of 360 at 200 %; then letters of twice the size besides."""
    found = {}
    with browser(width, height) as chromium:
        for name in EXAMPLES:
            chromium.get(f"{page.address}/example/{name}")
            first = overflow(chromium)
            chromium.execute_script("document.documentElement.style.fontSize = '200%'")
            found[name] = first, overflow(chromium) if width > 200 else 0
        chromium.get(f"{page.address}/example/acknowledged")
        keep_picture(chromium, f"acknowledged-{width}-px")

    assert {name: wide for name, wide in found.items() if any(wide)} == {}


@pytest.mark.parametrize("name", ["shown", "acknowledged", "already-resolved", "code-wrong"])
def test_the_focus_is_always_seen_and_goes_to_the_button_first(page: ServedPage, name: str) -> None:
    faults, reached = [], []
    with browser(*SIZES["phone"]) as chromium:
        chromium.get(f"{page.address}/example/{name}")
        for _ in range(40):
            chromium.switch_to.active_element.send_keys(Keys.TAB)
            active = chromium.switch_to.active_element
            if active.tag_name == "body":
                break
            reached.append(active.text.split("\n")[0] or active.get_attribute("name"))
            faults += focus_faults(chromium)

    assert faults == []
    assert (
        reached[0]
        == {
            "shown": "I have it",
            "acknowledged": "It is over",
            "already-resolved": "Open the report (PDF)",
            "code-wrong": "incident",
        }[name]
    )
    assert len(reached) >= 3


JOURNEYS = {
    "phone": (*SIZES["phone"], True, ()),
    "desktop": (*SIZES["desktop"], True, ()),
    "phone without scripts": (*SIZES["phone"], False, ()),
    "in-app browser": (*SIZES["phone"], True, ("sec-fetch",)),
}


@contextmanager
def travelling(kind: str) -> Iterator[tuple[ServedPage, Browser]]:
    width, height, has_scripts, without = JOURNEYS[kind]
    with served_page(without=without) as page, browser(width, height, has_scripts=has_scripts) as chromium:
        if without:
            chromium.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": IN_APP})
        yield page, chromium


@pytest.mark.parametrize("kind", JOURNEYS)
def test_a_responder_takes_it_another_is_told_so_and_it_is_resolved_and_rated(kind: str) -> None:
    with travelling(kind) as (page, chromium):
        kept = page.world.kept()
        for _ in range(3):
            chromium.get(page.link("ben"))
            assert "Nobody has it yet." in text(chromium)
        assert page.world.kept() == kept, "looking changes nothing"
        assert button(chromium, "I have it").size["height"] >= 44

        assert "Thank you, Ben Okafor: you have it." in press(chromium, "I have it")
        keep_picture(chromium, f"journey-{kind.replace(' ', '-')}-taken")
        assert page.world.own["ben"] not in chromium.current_url
        chromium.get(page.link("cem"))
        assert "Ben Okafor has it." in text(chromium)
        assert labels(chromium) == []
        chromium.get(page.link("ana"))
        assert "Ben Okafor has it." in text(chromium)

        chromium.get(page.link("ben"))
        assert "You have it, Ben Okafor." in text(chromium)
        unfold(chromium, "Send a command")
        assert "The command was sent." in press(chromium, "defrost off")
        done = resolve(chromium, cause="Door left open", goods="Not affected", note="The seal was loose.")
        assert "Resolved. Thank you, Ben Okafor." in done
        assert "Thank you, Ben Okafor." in press(chromium, "Yes, it was")
        incident = page.world.of_first()

    assert (incident.acknowledged_by, incident.resolved_by, incident.useful) == ("ben", "ben", True)
    assert (incident.cause, incident.disposition) == (Cause.DOOR_LEFT_OPEN, Disposition.NOT_AFFECTED)
    assert incident.note == "The seal was loose."
    assert [sent[1] for sent in page.world.here.commands.sent.values()] == ["defrost_off"]


def test_it_is_put_off_taken_up_again_and_passed_on(page: ServedPage) -> None:
    with browser(*SIZES["phone"]) as chromium:
        chromium.get(page.link("ben"))
        unfold(chromium, "Not now: put it off")
        assert "Quiet until 00:18 UTC." in press(chromium, "15 min")
        chromium.get(page.link("cem"))
        assert "Ben Okafor put it off until 00:18 UTC." in text(chromium)
        chromium.get(page.link("ben"))
        assert "Thank you, Ben Okafor: you have it." in press(chromium, "I take it up again")
        unfold(chromium, "Call the next ones")
        assert "The next are told now." in press(chromium, "Tell them now")

    assert page.world.of_first().status is Status.OPEN
    assert page.world.of_first().is_escalated


def test_a_form_that_says_no_cause_is_not_sent_and_by_an_old_browser_is_asked_again(page: ServedPage) -> None:
    with browser(*SIZES["phone"]) as chromium:
        chromium.get(page.link("ben"))
        press(chromium, "I have it")
        chromium.execute_script("document.querySelector('#cause').removeAttribute('required')")
        chromium.find_element(By.NAME, "note").send_keys("The seal was loose.")
        assert "Nothing was changed yet: choose what it was." in press(chromium, "It is over")
        assert chromium.find_element(By.NAME, "note").get_attribute("value") == "The seal was loose."

    assert page.world.of_first().status is Status.ACKNOWLEDGED


def test_it_is_taken_by_the_code_of_the_message(page: ServedPage) -> None:
    with browser(*SIZES["phone"]) as chromium:
        chromium.get(f"{page.address}/code?incident={page.world.first.incident_id[:6]}")
        chromium.find_element(By.NAME, "code").send_keys("999999")
        assert "This code does not fit this incident." in press(chromium, "I have it")
        chromium.find_element(By.NAME, "code").send_keys(page.world.code)
        assert "Thank you, Ben Okafor: you have it." in press(chromium, "I have it")

    assert page.world.of_first().acknowledged_by == "ben"


def test_the_report_is_downloaded_by_the_pages_own_link(page: ServedPage) -> None:
    page.world.press(page.world.own["ben"])
    page.world.press(page.world.own["ben"], "resolve", cause="test")
    here, incident = page.world.here, page.world.of_first()
    here.incidents.incidents[incident.incident_id] = replace(incident, recorded_at=page.world.now_ms)
    reports: Any = page.world.use.reports
    reports.written[incident.incident_id] = REPORT

    with browser(*SIZES["desktop"]) as chromium:
        chromium.get(page.link("cem"))
        address = chromium.find_element(By.LINK_TEXT, "Open the report (PDF)").get_attribute("href") or ""
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.read() == REPORT


class _Targets(HTMLParser):
    """Where a page leads: its links, and what its forms post to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - any tag
        given = dict(attributes)
        self.found |= {value for name in ("href", "src", "action", "formaction") if (value := given.get(name))}


def scan(address: str, seen: set[str]) -> None:
    """As a mail filter does: everything that a page leads to, by HEAD and by GET, redirects followed, once each."""
    if address in seen:
        return
    seen.add(address)
    body = ""
    for method in ("HEAD", "GET"):
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=10) as answer:
                body = answer.read().decode(errors="replace")
        except urllib.error.HTTPError as refusal:
            body = refusal.read().decode(errors="replace")
    targets = _Targets()
    targets.feed(body)
    for target in targets.found:
        scan(urllib.parse.urljoin(address, target), seen)


@pytest.mark.parametrize("state", ["open", "taken", "over"])
def test_a_scanner_that_opens_everything_and_runs_the_page_changes_nothing(page: ServedPage, state: str) -> None:
    if state != "open":
        page.world.press(page.world.own["ben"])
    if state == "over":
        page.world.press(page.world.own["ben"], "resolve", cause="test")
    attempts: Any = page.world.use.attempts
    kept, tried, seen = page.world.kept(), dict(attempts.tried), set[str]()

    for contact in page.world.own:
        scan(page.link(contact), seen)
    scan(f"{page.address}/code", seen)
    with browser(*SIZES["desktop"]) as chromium:
        for contact in page.world.own:
            chromium.get(page.link(contact))
            time.sleep(1)
            chromium.execute_script(
                "window.scrollTo(0, document.body.scrollHeight); window.dispatchEvent(new Event('x'))"
            )
            chromium.refresh()

    assert {urllib.parse.urlsplit(address).path for address in seen} >= {"/act", "/code"}
    assert {method for method, _ in page.seen} == {"GET", "HEAD"}
    assert (page.world.kept(), attempts.tried) == (kept, tried)


def attack(target: str, secret: str) -> str:
    """Another site's page, which sends the button's own form by itself."""
    fields = "".join(
        f'<input name="{name}" value="{value}">' for name, value in (("link", secret), ("action", "acknowledge"))
    )
    return f'<form method="post" action="{target}/act">{fields}</form><script>document.forms[0].submit()</script>'


@pytest.mark.parametrize("kind", ["cross-site", "sandboxed", "data", "without Sec-Fetch"])
def test_another_sites_form_does_nothing_even_with_a_link_that_is_one(kind: str) -> None:
    without = ("sec-fetch",) if kind == "without Sec-Fetch" else ()
    with served_page(without=without) as page:
        made = attack(page.address, page.world.own["ben"])
        kept = page.world.kept()
        if kind == "sandboxed":
            made = (
                f'<iframe sandbox="allow-scripts allow-forms" srcdoc="{html_text.escape(made, quote=True)}"></iframe>'
            )
        answer = {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": made}
        with serving(lambda *_: answer) as port, browser(*SIZES["phone"]) as chromium:
            address = f"http://localhost:{port}/"
            chromium.get(f"data:text/html,{urllib.parse.quote(made)}" if kind == "data" else address)
            wait_for(lambda: ("POST", "/act") in page.seen)
            time.sleep(0.5)

        assert ("POST", "/act") in page.seen, "the attack was carried out"
        assert page.world.kept() == kept
        assert page.world.of_first().status is Status.OPEN


def test_no_other_site_can_show_the_page_within_its_own(page: ServedPage) -> None:
    framed = f'<iframe src="{page.link("ben")}" width="400" height="700"></iframe>'
    answer = {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": framed}
    with serving(lambda *_: answer) as port, browser(*SIZES["desktop"]) as chromium:
        chromium.get(f"http://localhost:{port}/")
        chromium.switch_to.frame(chromium.find_element(By.TAG_NAME, "iframe"))
        assert "I have it" not in chromium.page_source


@pytest.mark.parametrize("batch", range(4))
def test_markup_that_somebody_wrote_runs_nothing_and_loads_nothing(batch: int) -> None:
    """Every field that a device, a contact or a responder fills, with every kind of markup."""
    kinds = list(itertools.islice(MARKUP.values(), batch, None, 4))
    with served_page() as page, browser(*SIZES["phone"]) as chromium:
        for said in kinds:
            for write in written_by_others(said):
                write(page.world)
            chromium.get(page.link("ben"))
            assert not is_alerting(chromium)
            counts = chromium.execute_script(
                "return ['script', 'img', 'iframe', 'base', 'meta[http-equiv]', 'style ~ style']"
                ".map(each => document.querySelectorAll(each).length)"
            )
            assert counts == [0] * 6, said
            assert chromium.execute_script("return getComputedStyle(document.querySelector('main')).display") == "block"
            loaded = chromium.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
            assert [each for each in loaded if "favicon" not in each] == []


def console(chromium: Browser) -> list[str]:
    """What the browser complained about."""
    logged: Any = chromium
    return [entry["message"] for entry in logged.get_log("browser")]


def is_alerting(chromium: Browser) -> bool:
    try:
        chromium.switch_to.alert.dismiss()
    except NoAlertPresentException:
        return False
    return True


def wait_for(is_so: Any, within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
