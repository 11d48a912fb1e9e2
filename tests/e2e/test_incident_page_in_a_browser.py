"""A browser at a responder's link, against the local cloud: from the notification to the report, on any screen.

What every page looks like, and what hostile sites may do, is in test_incident_page_in_chromium.py, without a cloud.
"""

import time
import urllib.request
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from simulator.api import Fleet
from tests.conftest import Cloud
from tests.e2e.accessibility import is_axe_there, violations
from tests.e2e.browser import Browser, browser
from tests.e2e.duty import HOT, STATE_AND_ATTEMPTS, Duty, Readings, all_but_others, at_rest
from tests.e2e.journey import button, keep_picture, labels, press, resolve, text, unfold
from tests.e2e.test_incident_page_in_chromium import scan

pytestmark = [pytest.mark.cloud, pytest.mark.long]

SCREENS = {"phone": (360, 740, True), "desktop": (1280, 900, True), "phone without scripts": (360, 740, False)}
NUMBERS = {name: number for number, name in enumerate([*SCREENS, "keyboard", "put off", "scanner"])}
REPORTED_WITHIN_S = 60


@pytest.fixture(scope="module")
def duty(cloud: Cloud) -> Duty:
    """Ana and Ben are told at once."""
    duty = Duty(cloud, "browser")
    contacts = [duty.responder("ana"), duty.responder("ben")]
    duty.policy(tiers=[{"contacts": contacts, "acknowledge_within_s": 120}])
    return duty


@pytest.fixture(scope="module")
def fridges(cloud: Cloud) -> Iterator[Fleet]:
    serials = [f"LOOK{number}" for number in NUMBERS.values()]
    with cloud.provision(*serials, fleet="browser", is_watched=True) as fleet:
        yield fleet


def warm(fridges: Fleet, name: str) -> str:
    """A fridge that has been too warm for longer than it may."""
    fridge = Readings(fridges, f"browser-fridge-LOOK{NUMBERS[name]}")
    fridge.publish(*HOT)
    return fridge.thing


def links(duty: Duty, thing: str) -> dict[str, str]:
    """The link that each responder was sent."""
    pages = [duty.page(thing, number=number) for number in (1, 2)]
    return {page.contact_id.removeprefix("browser-"): page.link for page in pages}


@pytest.mark.parametrize("screen", SCREENS)
def test_from_the_notification_to_the_report(duty: Duty, fridges: Fleet, screen: str) -> None:
    width, height, has_scripts = SCREENS[screen]
    thing = warm(fridges, screen)
    sent, name = links(duty, thing), f"cloud-{screen.replace(' ', '-')}"
    before = at_rest(duty.cloud, thing, *STATE_AND_ATTEMPTS)

    with browser(width, height, has_scripts=has_scripts) as chromium:
        for _ in range(3):
            chromium.get(sent["ana"])
            assert "Nobody has it yet." in text(chromium)
        keep_picture(chromium, f"{name}-1-told")
        assert all_but_others(duty.cloud, thing, *STATE_AND_ATTEMPTS) == before, "looking changes nothing"
        assert chromium.find_element(By.TAG_NAME, "svg").size["width"] <= width
        assert button(chromium, "I have it").size["height"] >= 44, "a thumb can hit it"
        if has_scripts and is_axe_there():
            assert violations(chromium) == []

        assert "Thank you, Ana: you have it." in press(chromium, "I have it")
        keep_picture(chromium, f"{name}-2-taken")
        assert sent["ana"].rpartition("/")[2] not in chromium.current_url
        taken = duty.incident(thing, "ACKNOWLEDGED")

        chromium.get(sent["ben"])
        assert "Ana has it." in text(chromium)
        assert not {"I have it", "It is over"} & set(labels(chromium))
        keep_picture(chromium, f"{name}-3-taken-by-another")

        chromium.get(sent["ana"])
        done = resolve(chromium, cause="Door left open", goods="Not affected", note="The door seal was loose.")
        assert "Resolved. Thank you, Ana." in done
        keep_picture(chromium, f"{name}-4-resolved")
        assert "Thank you, Ana." in press(chromium, "Yes, it was")
        over = duty.incident(thing, "RESOLVED")

        report = wait_for_report(duty, chromium, sent["ana"])
        keep_picture(chromium, f"{name}-5-report")

    assert taken["acknowledged_by"] == over["resolved_by"] == "browser-ana"
    assert over["note"] == "The door seal was loose."
    assert report.endswith("/report.pdf")
    read_report(report)


def wait_for_report(duty: Duty, chromium: Browser, link: str) -> str:
    """The address of the report, once the page offers it."""

    def offered() -> str | None:
        chromium.get(link)
        found = chromium.find_elements(By.LINK_TEXT, "Open the report (PDF)")
        return found[0].get_attribute("href") if found else None

    return duty.cloud.wait_for("the page offers the report", offered, within_s=REPORTED_WITHIN_S)


def read_report(address: str) -> None:
    """As whoever presses the button gets it: a whole PDF, from the function URL."""
    with urllib.request.urlopen(address, timeout=15) as answer:
        kind, content = answer.headers["content-type"], answer.read()
    assert kind == "application/pdf"
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")


def test_the_button_is_the_first_thing_that_a_keyboard_reaches(duty: Duty, fridges: Fleet) -> None:
    thing = warm(fridges, "keyboard")
    sent = links(duty, thing)

    with browser(1280, 900) as chromium:
        chromium.get(sent["ana"])
        chromium.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        assert chromium.switch_to.active_element == button(chromium, "I have it")
        assert "you have it" in press(chromium, "I have it", key=Keys.ENTER)

    taken = duty.incident(thing, "ACKNOWLEDGED")
    duty.run("incidents", "resolve", taken["incident_id"], "--note", "test")
    assert taken["acknowledged_by"] == "browser-ana"


def test_it_is_put_off_and_taken_up_again(duty: Duty, fridges: Fleet) -> None:
    thing = warm(fridges, "put off")
    sent = links(duty, thing)

    with browser(360, 740) as chromium:
        chromium.get(sent["ana"])
        unfold(chromium, "Not now: put it off")
        assert "Quiet until" in press(chromium, "15 min")
        keep_picture(chromium, "cloud-phone-put-off")
        duty.incident(thing, "SNOOZED")
        assert "Thank you, Ana: you have it." in press(chromium, "I take it up again")

    taken = duty.incident(thing, "ACKNOWLEDGED")
    duty.run("incidents", "resolve", taken["incident_id"], "--note", "test")


def test_a_scanner_that_opens_everything_and_runs_the_page_changes_nothing(duty: Duty, fridges: Fleet) -> None:
    thing = warm(fridges, "scanner")
    sent = links(duty, thing)
    before = at_rest(duty.cloud, thing, *STATE_AND_ATTEMPTS)

    for link in sent.values():
        scan(link, set())
    with browser(1280, 900) as chromium:
        for link in sent.values():
            chromium.get(link)
            time.sleep(2)

    assert all_but_others(duty.cloud, thing, *STATE_AND_ATTEMPTS) == before
    duty.run("incidents", "resolve", duty.incidents(thing)[0]["incident_id"], "--note", "test")
