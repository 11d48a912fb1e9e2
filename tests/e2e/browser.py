"""The system's Chromium, driven by its own driver; nothing is downloaded."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.e2e.leaving_out import skip_without

MISSING = "no chromium on this machine: apt-get install chromium chromium-driver"


class Browser(Chrome):
    def get_full_page(self) -> bytes:
        """A picture of the whole page, as far down as it goes."""
        shot = self.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
        return base64.b64decode(shot["data"])


def chromium() -> str | None:
    """Chromium as distributions package it, or what it becomes elsewhere."""
    return next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)


def is_there() -> bool:
    return bool(chromium() and shutil.which("chromedriver"))


@contextmanager
def browser(width: int, height: int, *, is_dark: bool = False, has_scripts: bool = True) -> Iterator[Browser]:
    """A window of that many pixels, in a profile of its own."""
    if not is_there():
        skip_without(MISSING)
    options = ChromeOptions()
    options.binary_location = str(chromium())
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    if is_dark:
        options.add_argument("--force-dark-mode")
    if not has_scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = Browser(options=options, service=Service(str(shutil.which("chromedriver"))))
    try:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield driver
    finally:
        driver.quit()
