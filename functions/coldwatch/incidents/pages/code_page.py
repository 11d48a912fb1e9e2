"""The second way to take an incident: its reference and the six digits of the message, for want of the link."""

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
        f'<input id="incident" name="incident" value="{text(reference)}" required maxlength="40" '
        f'autocapitalize="characters" spellcheck="false"{marks}>'
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
        "<h1>Too many tries</h1><section><p>Too many codes were tried, for this incident or from here, so for now none "
        "is looked at. Nothing was changed.</p>"
        "<p>Open the link in the message instead: it works. Or try again in 15 minutes.</p></section>"
    )
    return document(429, "Too many tries", body)
