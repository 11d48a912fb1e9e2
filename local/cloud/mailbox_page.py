"""The inbox as a page: what responders were sent, newest first, with links to open. Pure; no script."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any

_LINK = re.compile(r"https?://[^\s<>\"]+")

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #57606a; --paper: #f6f8fa; --card: #fff; --line: #d0d7de;
  --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --muted: #9da7b1; --paper: #0d1117; --card: #161b22;
  --line: #30363d; --link: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 44rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: .5rem 0 0; }
.hint, .meta { color: var(--muted); font-size: .9rem; margin: 0 0 1rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem;
  margin: 0 0 .8rem; }
h2 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
.meta { margin: .1rem 0 .6rem; }
p.text { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
"""


def render(messages: Iterable[dict[str, Any]]) -> str:
    """The whole page; it asks for itself again every five seconds."""
    newest = sorted(messages, key=lambda message: message["at"], reverse=True)
    shown = "\n".join(map(_article, newest)) or "<p>Nothing has been sent yet. It will appear here by itself.</p>"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>Inbox ({len(newest)})</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Inbox</h1>
<p class="hint">Every e-mail and SMS that this machine's cloud would have sent. Newest first.</p>
{shown}
</main>
</body>
</html>
"""


def _article(message: dict[str, Any]) -> str:
    sent = datetime.fromtimestamp(message["at"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    how = "SMS" if message["protocol"] == "sms" else "E-mail"
    return (
        f"<article><h2>{escape(message['subject'] or 'No subject')}</h2>"
        f'<p class="meta">{how} to {escape(message["to"])}, {sent}</p>'
        f'<p class="text">{_linked(message["text"])}</p></article>'
    )


def _linked(text: str) -> str:
    """The text with its addresses to click; everything else is what it says and nothing more."""
    parts, last = [], 0
    for found in _LINK.finditer(text):
        address = escape(found[0], quote=True)
        parts += [escape(text[last : found.start()]), f'<a href="{address}" rel="noreferrer">{address}</a>']
        last = found.end()
    return "".join([*parts, escape(text[last:])])
