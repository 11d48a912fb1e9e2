"""The pages that show no incident, and the status of an answer that came to nothing."""

from coldwatch.incidents.answering import Outcome
from coldwatch.incidents.pages.document import Document, document, text

NOT_DONE = {
    Outcome.SHOWN: 409,
    Outcome.ALREADY_TAKEN: 409,
    Outcome.TOO_LATE: 409,
    Outcome.ALREADY_RESOLVED: 409,
    Outcome.NOT_ALLOWED: 403,
}
"""What POST answers when nothing was done. GET answers 200: whoever has the link may see how it stands."""

RETRY_AFTER_S = 60


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


def unsaid_origin() -> Document:
    """A browser so old, or so private, that it does not say where a form comes from."""
    return _page(
        403,
        "Please open it in another browser",
        "This one does not say where the answer came from, so nothing was changed.",
        "Open the link from the message in your telephone's own browser and press the button there. "
        "Programs that show pages inside themselves often have a menu for that.",
    )


def too_many() -> Document:
    return _page(
        429,
        "Too many at once",
        "So many answers came from here that this one was not looked at. Nothing was changed.",
        "Wait a minute, then open the link again.",
    )


def no_report() -> Document:
    return _page(404, "No report yet", "The report is written when the incident is over. Look again in a minute.")


def contended() -> Document:
    return _page(503, "Not now", "Somebody else answers at this moment. Nothing was changed by you; go back, and look.")


def wrong_form(status: int) -> Document:
    return _page(status, "Not understood", "The answer was not what the page's button sends. Nothing was changed.")


def _page(status: int, title: str, *sentences: str) -> Document:
    paragraphs = "".join(f"<p>{text(sentence)}</p>" for sentence in sentences)
    return document(status, title, f"<h1>{text(title)}</h1>\n<section>{paragraphs}</section>")
