"""A page as an HTML mail: readable in any mail program, light and dark, with one big button that is only a link.

Mail programs drop what they do not know, so each element carries its look, and the dark one is an extra. The button
leads to the incident's page, which changes nothing by being opened. Whatever is shown is escaped.
"""

from collections.abc import Iterable
from html import escape

_STYLE = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "@media (prefers-color-scheme:dark){.paper{background:#0e1216!important}.card{background:#181e24!important;"
    "border-color:#343d47!important}.ink{color:#e8edf2!important}.muted{color:#a7b1bb!important}"
    ".go{background:#3fae74!important}.go a{color:#06130b!important}.bad{color:#ff9b92!important}}"
)
_SANS = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def render(
    *, subject: str, greeting: str, facts: Iterable[tuple[str, str]], deadline: str, link: str, small: Iterable[str]
) -> str:
    """The whole mail. `small` are sentences below the button."""
    rows = "".join(_row(name, said) for name, said in facts)
    notes = "".join(f'<p class="muted" style="{_SANS};{_NOTE}">{escape(each)}</p>' for each in small if each)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(subject)}</title><style>{_STYLE}</style></head>"
        '<body class="paper" style="margin:0;padding:0;background:#f4f6f8">'
        '<table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" border="0" '
        'style="background:#f4f6f8"><tr><td align="center" style="padding:16px">'
        '<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" '
        'style="max-width:560px;background:#ffffff;border:1px solid #ccd3da;border-radius:10px">'
        f'<tr><td style="padding:20px"><h1 class="bad" style="{_SANS};{_HEADING}">{escape(subject)}</h1>'
        f'<p class="ink" style="{_SANS};{_TEXT}">{escape(greeting)}</p>'
        f'<table role="presentation" cellpadding="0" cellspacing="0" border="0">{rows}</table>'
        f"{_deadline(deadline)}{_button(link)}{notes}</td></tr></table></td></tr></table></body></html>"
    )


_HEADING = "margin:0 0 12px;font-size:22px;line-height:1.25;color:#a81c13"
_TEXT = "margin:0 0 12px;font-size:16px;line-height:1.5;color:#14181d"
_NOTE = "margin:12px 0 0;font-size:14px;line-height:1.45;color:#4d5761"


def _row(name: str, said: str) -> str:
    return (
        f'<tr><td class="muted" valign="top" style="{_SANS};padding:2px 14px 2px 0;font-size:16px;color:#4d5761">'
        f'{escape(name)}</td><td class="ink" style="{_SANS};padding:2px 0;font-size:16px;color:#14181d;'
        f'word-break:break-word">{escape(said)}</td></tr>'
    )


def _deadline(said: str) -> str:
    return f'<p class="ink" style="{_SANS};{_TEXT};margin-top:12px"><b>{escape(said)}</b></p>' if said else ""


def _button(link: str) -> str:
    """A link to a page, which asks once more before anything happens. Nothing for what is no address of the web."""
    if not link.startswith(("https://", "http://")):
        return ""
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin-top:16px">'
        '<tr><td class="go" align="center" style="background:#0b6b3a;border-radius:10px">'
        f'<a href="{escape(link, quote=True)}" style="{_SANS};display:block;padding:18px 12px;font-size:20px;'
        'font-weight:bold;color:#ffffff;text-decoration:none">Open the incident</a></td></tr></table>'
    )
