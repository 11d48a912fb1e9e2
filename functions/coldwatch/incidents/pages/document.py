"""The frame of every page, its style, and the headers that go with it."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

STYLE = """
:root{color-scheme:light dark;--ink:#14181d;--muted:#4d5761;--paper:#f4f6f8;--card:#fff;--line:#ccd3da;--link:#0b57a4;
--go:#0b6b3a;--go-ink:#fff;--bad:#a81c13;--bad-soft:#fbe3e1;--ok-soft:#e0f2e7;--warn-soft:#fdeec2;--trace:#0b57a4;--shade:#f6c9c5}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--muted:#a7b1bb;--paper:#0e1216;--card:#181e24;--line:#343d47;
--link:#8fc1ff;--go:#3fae74;--go-ink:#06130b;--bad:#ff9b92;--bad-soft:#3a1715;--ok-soft:#12301f;--warn-soft:#4a3a08;--trace:#8fc1ff;
--shade:#5a201c}}
*{box-sizing:border-box}
body{margin:0;font:17px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);
background:var(--paper)}
main{max-width:40rem;margin:0 auto;padding:1rem 1rem 2.5rem}
h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:0 0 .5rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1rem;margin:1rem 0}
.tag{display:inline-block;padding:.1rem .6rem;border-radius:1rem;font-weight:600;font-size:.9rem;
border:1px solid var(--muted)}
.tag.critical{background:var(--bad-soft);color:var(--bad);border-color:var(--bad)}
.tag.warning{background:var(--warn-soft)}.tag.resolved{background:var(--ok-soft)}
.lead{font-size:1.1rem;margin:.3rem 0}
dl{display:grid;grid-template-columns:minmax(6.5rem,auto) 1fr;gap:.25rem .9rem;margin:0}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
button{width:100%;min-height:3.6rem;font:inherit;font-size:1.25rem;font-weight:700;border:0;border-radius:.7rem;
background:var(--go);color:var(--go-ink);cursor:pointer}
button:focus-visible,a:focus-visible,textarea:focus-visible{outline:3px solid var(--link);outline-offset:3px}
label{display:block;margin:0 0 .3rem}
textarea{width:100%;min-height:5rem;font:inherit;padding:.6rem;border:1px solid var(--muted);border-radius:.5rem;
background:var(--paper);color:var(--ink);margin:0 0 .8rem}
section p{margin:.4rem 0}svg{display:block;width:100%;max-width:36rem;margin:0 auto;height:auto}
.axis{stroke:var(--line)}.limit{stroke:var(--bad);stroke-dasharray:6 4;stroke-width:1.5}
.trace{fill:none;stroke:var(--trace);stroke-width:2}.shade{fill:var(--shade)}
svg text{fill:var(--muted);font-size:13px;font-family:system-ui,sans-serif;paint-order:stroke;stroke:var(--card);
stroke-width:3px}svg .limit-name{fill:var(--bad)}
ol{list-style:none;margin:0;padding:0}li{padding:.35rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
li:first-child{border-top:0}time{color:var(--muted);font-size:.9rem;display:block}
footer{color:var(--muted);font-size:.9rem}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    # With `no-referrer` a browser would post `Origin: null`, which the origin check refuses.
    "referrer-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
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
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
<footer><p>Coldwatch records and alerts. It is not a certified medical device.</p></footer>
</main>
</body>
</html>
""",
    )
