"""A browser at a responder's link: opening changes nothing, the buttons act; on any screen, with or without scripts."""

from collections.abc import Iterator

import pytest
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from simulator.api import Fleet
from tests.conftest import Cloud
from tests.e2e.browser import Browser, browser
from tests.e2e.duty import HOT, Duty, Readings, all_but_others, at_rest

pytestmark = [pytest.mark.cloud, pytest.mark.long]

STATE = ("IncidentTableName", "LinkTableName", "ContactTableName")
SCREENS = {"phone": (390, 844, True), "desktop": (1280, 900, True), "phone without scripts": (390, 844, False)}


@pytest.fixture(scope="module")
def duty(cloud: Cloud) -> Duty:
    duty = Duty(cloud, "browser")
    duty.policy((duty.responder("ana"), 120))
    return duty


@pytest.fixture(scope="module")
def fridges(cloud: Cloud) -> Iterator[Fleet]:
    serials = [f"LOOK{number}" for number in range(len(SCREENS) + 1)]
    with cloud.provision(*serials, fleet="browser", is_watched=True) as fleet:
        yield fleet


def warm(fridges: Fleet, number: int) -> str:
    """A fridge that has been too warm for longer than it may."""
    fridge = Readings(fridges, f"browser-fridge-LOOK{number}")
    fridge.publish(*HOT)
    return fridge.thing


def text(chromium: Browser) -> str:
    return chromium.find_element(By.TAG_NAME, "main").text


def button(chromium: Browser) -> WebElement:
    (found,) = chromium.find_elements(By.TAG_NAME, "button")
    return found


def press(chromium: Browser, *, key: str | None = None) -> None:
    """Press the button, and wait until another page has taken this one's place."""
    pressed = button(chromium)
    pressed.send_keys(key) if key else pressed.click()
    WebDriverWait(chromium, 20).until(lambda _: is_gone(pressed))


def is_gone(element: WebElement) -> bool:
    """Whether its page has gone. A driver that asks in the midst of that says so in words of its own."""
    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    except WebDriverException as error:
        if "does not belong to the document" in str(error):
            return True
        raise
    return False


@pytest.mark.parametrize("screen", SCREENS)
def test_to_open_a_link_changes_nothing_and_its_two_buttons_do(duty: Duty, fridges: Fleet, screen: str) -> None:
    width, height, has_scripts = SCREENS[screen]
    thing = warm(fridges, list(SCREENS).index(screen))
    page = duty.page(thing)
    before = at_rest(duty.cloud, thing, *STATE)

    with browser(width, height, has_scripts=has_scripts) as chromium:
        for _ in range(3):
            chromium.get(page.link)
            assert "Nobody has it yet. Ana" in text(chromium)
        assert all_but_others(duty.cloud, thing, *STATE) == before, "looking changes nothing"
        assert chromium.find_element(By.TAG_NAME, "svg").size["width"] <= width
        assert button(chromium).size["height"] >= 44, "a thumb can hit it"
        assert duty.incidents(thing)[0]["status"] == "OPEN"

        press(chromium)
        assert "Thank you, Ana: you have it." in text(chromium)
        assert page.link.rpartition("/")[2] not in chromium.current_url
        taken = duty.incident(thing, "ACKNOWLEDGED")

        chromium.find_element(By.NAME, "note").send_keys("The door seal was loose.")
        press(chromium)
        assert "Resolved. Thank you, Ana." in text(chromium)
        assert not chromium.find_elements(By.TAG_NAME, "button")
    over = duty.incident(thing, "RESOLVED")

    assert taken["acknowledged_by"] == over["resolved_by"] == "browser-ana"
    assert over["note"] == "The door seal was loose."


def test_the_button_is_the_first_thing_that_a_keyboard_reaches(duty: Duty, fridges: Fleet) -> None:
    thing = warm(fridges, len(SCREENS))
    page = duty.page(thing)

    with browser(1280, 900) as chromium:
        chromium.get(page.link)
        chromium.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        assert chromium.switch_to.active_element == button(chromium)
        press(chromium, key=Keys.ENTER)
        assert "you have it" in text(chromium)

    taken = duty.incident(thing, "ACKNOWLEDGED")
    duty.run("incidents", "resolve", taken["incident_id"], "--note", "test")
    assert taken["acknowledged_by"] == "browser-ana"
