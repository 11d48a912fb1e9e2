"""The inbox as a page: newest first, links to click, and nothing of a message that a browser would take for markup."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.cloud.mailbox_page import render

AT = 1_767_225_600_000


def mail(**changes: Any) -> dict[str, Any]:
    return {"at": AT, "protocol": "email", "to": "ana@example.com", "subject": "Too warm", "text": "Look"} | changes


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[tuple[str, tuple[str, ...]]] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name == "href"]


def test_an_empty_inbox_says_so() -> None:
    page = render([])

    assert "Nothing has been sent yet" in page
    assert "<title>Inbox (0)</title>" in page


def test_the_newest_comes_first_with_how_to_whom_and_when() -> None:
    page = render([mail(subject="Older"), mail(at=AT + 1000, subject="", protocol="sms", to="+491511234567")])

    assert page.index("No subject") < page.index("Older")
    assert "SMS to +491511234567, 2026-01-01 00:00:01 UTC" in page
    assert "E-mail to ana@example.com, 2026-01-01 00:00:00 UTC" in page


def test_addresses_are_links_that_tell_nobody_where_from() -> None:
    page = render([mail(text="See http://localhost:1/a/x?b=1&c=2\nor https://example.com/ now.")])

    assert Tags(page).addresses == ["http://localhost:1/a/x?b=1&c=2", "https://example.com/"]
    assert page.count('rel="noreferrer"') == 2
    assert "javascript:" not in render([mail(text="javascript:alert(1)")]).replace("javascript:alert(1)", "")


@given(st.text(), st.text(), st.text())
def test_whatever_a_message_holds_the_page_has_no_markup_of_its_own(to: str, subject: str, text: str) -> None:
    plain = Tags(render([mail(text="http://x/")])).seen

    page = render([mail(to=to, subject=subject, text=f'{text}<script src="//x"></script><img onerror=a>\'"')])

    assert Tags(page).seen <= plain
    shown = re.search(r'<p class="text">(.*)</p></article>', page, re.DOTALL)
    assert shown
    assert unescape(re.sub("<[^>]*>", "", shown[1])).endswith('<script src="//x"></script><img onerror=a>\'"')
