"""`python -m tests.e2e.screenshots`: the inbox and every page, on a telephone and on a desk, into .local/screenshots/.

For a person to look at: what is right on a page is tested elsewhere, what looks wrong is seen here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from local.cloud import mailbox_page
from tests.e2e.browser import browser
from tests.unit.incidents.page_examples import EXAMPLES, INBOX

FOLDER = Path(__file__).parents[2] / ".local" / "screenshots"
SIZES = {"phone": (360, 740), "desktop": (1280, 900)}


def pages() -> Iterator[tuple[str, str, bool]]:
    """Name, HTML, and whether it is wanted in the dark."""
    yield "inbox", mailbox_page.render(INBOX), True
    for name, page in EXAMPLES.items():
        yield name, page.html, True


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in SIZES.items():
        for is_dark in (False, True):
            with browser(width, height, is_dark=is_dark) as chromium:
                for name, html, in_the_dark in pages():
                    if is_dark and not in_the_dark:
                        continue
                    source = FOLDER / "page.html"
                    source.write_text(html)
                    chromium.get(source.as_uri())
                    picture = FOLDER / f"{name}-{size}{'-dark' if is_dark else ''}.png"
                    picture.write_bytes(chromium.get_full_page())
    (FOLDER / "page.html").unlink()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")  # noqa: T201 - it is run by a person
    return 0


if __name__ == "__main__":
    sys.exit(main())
