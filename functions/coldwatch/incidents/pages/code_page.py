"""The second way to take an incident: its reference and the six digits of the message, where a link cannot be opened."""

from coldwatch.incidents.pages.answers import RETRY_AFTER_S
from coldwatch.incidents.pages.document import Document, document, text

DIGITS = 6


def form(reference: str = "", fault: str = "", *, status: int = 200) -> Document:
    """The form; with what was wrong with the last try, if there was one. The code is never written back."""
    said = f'<p class="fault" id="fault" role="alert">{text(fault)}</p>' if fault else ""
    marks = ' aria-invalid="true" aria-describedby="fault"' if fault else ""
    body = (
        "<h1>Take an incident by its code</h1>"
        "<section><p>Both stand in the message that you were sent. Nothing is changed before you press the button.</p>"
        f'<form method="post" action="code" autocomplete="off">{said}'
        '<label for="incident">Incident</label>'
        f'<input id="incident" name="incident" value="{text(reference)}" required maxlength="40" autocapitalize="none" '
        f'spellcheck="false"{marks}>'
        f'<label for="code">Code <span class="hint">({DIGITS} digits)</span></label>'
        f'<input class="code" id="code" name="code" required inputmode="numeric" pattern="[0-9 ]*" maxlength="9" '
        f'autocomplete="one-time-code"{marks}>'
        '<button class="main">I have it</button></form></section>'
    )
    title = "Error: take an incident by its code" if fault else "Take an incident by its code"
    return document(status, title, body)


def wrong(reference: str) -> Document:
    """One sentence for an incident that is not, one that is over for this code, and a code that is another's."""
    fault = "This code does not fit this incident. Nothing was changed. Look at both again; the newest message counts."
    return form(reference, fault, status=403)


def locked() -> Document:
    body = (
        "<h1>No more tries</h1><section><p>Too many wrong codes came for this incident, so its codes are shut. Nothing "
        "was changed.</p><p>Open the link in the message instead; it still works.</p></section>"
    )
    return document(429, "No more tries", body)


def later() -> Document:
    body = (
        "<h1>Too many tries</h1><section><p>So many codes came from here that this one was not looked at. Nothing was "
        f"changed.</p><p>Wait {RETRY_AFTER_S} seconds, or open the link in the message.</p></section>"
    )
    return document(429, "Too many tries", body)
