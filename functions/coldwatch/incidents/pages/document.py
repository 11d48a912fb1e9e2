"""The frame of every page, and the headers that go with it."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from unicodedata import category

from coldwatch.incidents.pages.style import STYLE

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HTML = "text/html; charset=utf-8"

HEADERS = {
    "content-type": HTML,
    "cache-control": "no-store",
    # With `no-referrer` a browser would post `Origin: null`, which the origin check refuses.
    "referrer-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A page and the HTTP status that it is answered with."""

    status: int
    html: str


def document(status: int, title: str, body: str) -> Document:
    """`body` is HTML; `title` is text."""
    return Document(
        status,
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>{text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
<footer><p>Coldwatch records and alerts. It is not a certified medical device.</p></footer>
</body>
</html>
""",
    )


def text(said: str) -> str:
    """What somebody wrote, as HTML that shows it: no markup, and nothing that turns the direction of what follows."""
    return escape("".join("\N{REPLACEMENT CHARACTER}" if _is_hidden(each) else each for each in said))


def _is_hidden(character: str) -> bool:
    """Controls, marks of direction, halves of characters: nothing that a reader would see."""
    return category(character).startswith("C") and character not in "\n\t"
