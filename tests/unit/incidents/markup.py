"""What the pages are made of, as a browser would read it: every tag and attribute that is not one of theirs is told."""

from html.parser import HTMLParser

_FRAME = "html head meta title style body main footer section div"
_TEXT = "h1 h2 p span strong br a dl dt dd ol li time figure figcaption details summary"
_FORM = "form input button select option textarea label"
_DRAWING = "svg rect line text path circle"
TAGS = frozenset(f"{_FRAME} {_TEXT} {_FORM} {_DRAWING}".split())
_OF_A_FORM = (
    "action method autocomplete type name value for required selected maxlength inputmode pattern autocapitalize "
    "spellcheck"
)
_OF_A_DRAWING = "viewbox x y x1 x2 y1 y2 width height d cx cy r text-anchor"
_OF_ALL = "lang charset content class id open href role datetime aria-label aria-invalid aria-describedby"
ATTRIBUTES = frozenset(f"{_OF_A_FORM} {_OF_A_DRAWING} {_OF_ALL}".split())
NO_SCHEME = frozenset({"href", "action"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.strange: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.strange.append(f"<{tag}>")
        for name, value in attributes:
            if name not in ATTRIBUTES or (name in NO_SCHEME and ":" in (value or "")):
                self.strange.append(f"<{tag} {name}={value!r}>")

    def handle_comment(self, data: str) -> None:
        self.strange.append(f"<!--{data}-->")


def strange_markup(html: str) -> list[str]:
    """Tags, attributes and addresses that no page of ours has."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.strange
