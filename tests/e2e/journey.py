"""What a responder does in a browser: open, read, press, and look at what comes back."""

from pathlib import Path

from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.e2e.browser import Browser

SCREENSHOTS = Path(__file__).parents[2] / ".local" / "screenshots"
PATIENCE_S = 20


def text(chromium: Browser) -> str:
    return chromium.find_element(By.TAG_NAME, "main").text


def labels(chromium: Browser) -> list[str]:
    """Of the buttons that can be seen."""
    return [each.text for each in chromium.find_elements(By.TAG_NAME, "button") if each.is_displayed()]


def button(chromium: Browser, label: str) -> WebElement:
    (found,) = [each for each in chromium.find_elements(By.TAG_NAME, "button") if each.text == label]
    return found


def unfold(chromium: Browser, label: str) -> None:
    """Open a fold, as a thumb does; nothing of a script."""
    (found,) = [each for each in chromium.find_elements(By.TAG_NAME, "summary") if each.text == label]
    if not found.find_element(By.XPATH, "..").get_attribute("open"):
        found.click()


def press(chromium: Browser, label: str, *, key: str | None = None) -> str:
    """Press a button, wait until another page has taken this one's place, and read it."""
    pressed = button(chromium, label)
    pressed.send_keys(key) if key else pressed.click()
    WebDriverWait(chromium, PATIENCE_S).until(lambda _: _is_gone(pressed))
    return text(chromium)


def resolve(chromium: Browser, *, cause: str, goods: str, note: str) -> str:
    unfold(chromium, "It is over")
    Select(chromium.find_element(By.NAME, "cause")).select_by_visible_text(cause)
    Select(chromium.find_element(By.NAME, "disposition")).select_by_visible_text(goods)
    chromium.find_element(By.NAME, "note").send_keys(note)
    return press(chromium, "It is over")


def keep_picture(chromium: Browser, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (SCREENSHOTS / f"{name}.png").write_bytes(chromium.get_full_page())


def _is_gone(element: WebElement) -> bool:
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
