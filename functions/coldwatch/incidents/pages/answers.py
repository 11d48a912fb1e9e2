"""The pages that show no incident, and the status of an answer that came to nothing."""

from html import escape

from coldwatch.incidents.answering import Outcome
from coldwatch.incidents.pages.document import Document, document

NOT_DONE = {Outcome.ALREADY_TAKEN: 409, Outcome.TOO_LATE: 409, Outcome.ALREADY_RESOLVED: 409}
"""What POST answers when nothing was done. GET answers 200: whoever has the link may see how it stands."""


def unknown() -> Document:
    """One shape for a link that never was, one that is misspelt and one that somebody made up."""
    return _page(404, "Nothing here", "This link leads to nothing. Is it whole? Some mail programs break long ones.")


def expired() -> Document:
    """It says nothing of the incident: an old link may be in anybody's hands."""
    return _page(
        410,
        "This link has expired",
        "It shows nothing any more, and nothing was changed. Newer messages have newer links.",
    )


def refused_method() -> Document:
    return _page(405, "Not like this", "This address can only be looked at; to answer, press the button on the page.")


def foreign_origin() -> Document:
    return _page(403, "Not from here", "The answer did not come from the page itself, so nothing was changed.")


def contended() -> Document:
    return _page(503, "Not now", "Somebody else answers at this moment. Nothing was changed by you; go back, and look.")


def wrong_form(status: int) -> Document:
    return _page(status, "Not understood", "The answer was not what the page's button sends. Nothing was changed.")


def _page(status: int, title: str, sentence: str) -> Document:
    return document(status, title, f"<h1>{escape(title)}</h1>\n<section><p>{escape(sentence)}</p></section>")
