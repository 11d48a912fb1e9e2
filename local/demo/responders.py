"""The responders of the story: they read the inbox, open their links, and some of them press the button.

Before a person looks, a mail scanner does: it fetches every link several times, by HEAD and by GET, as scanners do.
"""

import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Self

SCANS = 3
_LINK = re.compile(r"https?://\S+/a/[a-z0-9]+")
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Page:
    """A message that a responder was sent, with the link in it."""

    contact_id: str
    subject: str
    text: str
    link: str
    at: int


@dataclass
class Button(HTMLParser):
    """The first form of a page: where it goes, and what it sends when its button is pressed."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    is_over: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, page: str) -> Self:
        button = cls()
        button.feed(page)
        return button

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if self.is_over:
            return
        found = {name: value or "" for name, value in attributes}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        elif tag in {"input", "button"} and found.get("name") and found["name"] not in self.fields:
            self.fields[found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self.is_over = self.is_over or tag == "form"


def read_pages(inbox: Path) -> list[Page]:
    """Every page in the inbox file, oldest first. Other messages, such as confirmations, are none."""
    return [page for message in read_messages(inbox) if (page := _page(message))]


def read_messages(inbox: Path) -> list[dict[str, Any]]:
    """A last line that is being written is left for the next time."""
    text = inbox.read_text() if inbox.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _page(message: dict[str, Any]) -> Page | None:
    contact_id, link = message.get("attributes", {}).get("contact_id"), _LINK.search(message["text"])
    if not contact_id or not link:
        return None
    return Page(contact_id, message.get("subject") or "", message["text"], link[0], message["at"])


def scan(link: str) -> None:
    """What a mail filter does with a link before the person sees the message."""
    for method in ("HEAD", "GET") * SCANS:
        with urllib.request.urlopen(urllib.request.Request(link, method=method), timeout=_PATIENCE_S):
            pass


def press(link: str) -> str:
    """Open a link and press the button on its page, as a browser sends it; the page that answers."""
    with urllib.request.urlopen(link, timeout=_PATIENCE_S) as shown:
        button = Button.of(shown.read().decode())
    target = urllib.parse.urljoin(link, button.action)
    origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(link))
    request = urllib.request.Request(
        target,
        urllib.parse.urlencode(button.fields).encode(),
        {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        return refusal.read().decode()


class OnDuty:
    """A thread that watches the inbox: each new page is scanned, then answered if `answers` says so.

    Who answers has a thread of their own: nobody's thumb waits for the mail filter of others.
    """

    def __init__(self, inbox: Path, answers: Callable[[Page], bool], tell: Callable[[str], None]) -> None:
        self._inbox, self._answers, self._tell = inbox, answers, tell
        self._over = threading.Event()
        self._answered = threading.Event()
        self._seen = 0
        self.pages: list[Page] = []
        self.failure: BaseException | None = None
        self._threads = [self._thread(self._watch)]

    def __enter__(self) -> Self:
        self._seen = len(read_pages(self._inbox))
        self._threads[0].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_an_answer(self, at_most_s: float) -> None:
        self._answered.wait(at_most_s)

    def _thread(self, work: Callable[..., None], *given: Page) -> threading.Thread:
        def run() -> None:
            try:
                work(*given)
            except BaseException as failure:  # noqa: BLE001 - told by the thread that waits for this one
                self.failure = failure

        return threading.Thread(target=run, name="responders", daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            new = read_pages(self._inbox)[self._seen :]
            self._seen += len(new)
            unanswered: list[Page] = []
            for page in new:
                self.pages.append(page)
                self._tell(f"{page.contact_id} is told: {page.subject}")
                if self._answers(page):
                    self._threads.append(self._thread(self._answer, page))
                    self._threads[-1].start()
                else:
                    unanswered.append(page)
            for page in unanswered:
                scan(page.link)

    def _answer(self, page: Page) -> None:
        scan(page.link)
        time.sleep(1)  # a person reads first
        said = press(page.link)
        self._answered.set()
        outcome = "has it" if "you have it" in said else "was too late"
        self._tell(f"{page.contact_id} opens the link, presses the button and {outcome}")
