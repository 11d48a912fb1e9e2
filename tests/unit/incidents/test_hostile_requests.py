"""Requests that somebody made up to do harm: each is answered plainly, none acts, and no answer carries their markup.

`tests/e2e/test_incident_page_in_chromium.py` sends what a browser can send of it through a browser.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from coldwatch.incidents.incident import EventType, Page, Status, TimelineEvent
from incident_page.requests import MOST_BYTES, Request
from tests.unit.incidents.builders import NOW
from tests.unit.incidents.markup import strange_markup
from tests.unit.incidents.page_world import FORM, HOST, OWN, PageWorld, page_world, request

FORGED = "6raj61sw9nq8hdqdb4hqvp1xbb"
BIDI, ZERO = "\u202e", "\x00"
MARKUP = {
    "script": "<script>alert(1)</script>",
    "image": '<img src=x onerror="alert(1)">',
    "svg": "<svg/onload=alert(1)>",
    "style": "</style><style>*{display:none}</style>",
    "css url": "}body{background:url(https://evil.example/)}",
    "attribute": '" autofocus onfocus="alert(1)',
    "single quotes": "' onmouseover='alert(1)",
    "textarea": "</textarea><script>alert(1)</script>",
    "option": "</option></select><script>alert(1)</script>",
    "title": "</title><script>alert(1)</script>",
    "form": '<form action="https://evil.example"><button>I have it</button></form>',
    "link": '<a href="javascript:alert(1)">here</a>',
    "frame": "<iframe srcdoc='<script>alert(1)</script>'>",
    "meta": '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "base": '<base href="https://evil.example/">',
    "template": "{{7*7}}${7*7}<%= 7*7 %>",
    "entity": "&lt;script&gt;&#60;script&#62;",
    "comment": "--><script>alert(1)</script><!--",
    "right to left": f"{BIDI}gnp.exe",
    "control": f"a{ZERO}\x1b[31mb\x07",
}


@dataclass(frozen=True)
class Attempt:
    """`make` turns a world into the request; `status` is what it is answered with."""

    make: Callable[[PageWorld], Request]
    status: int
    before: Callable[[PageWorld], None] = lambda _page: None


def post(
    body: Callable[[PageWorld], dict[str, str]] | str, path: str = "/act", **headers: str
) -> Callable[[PageWorld], Request]:
    def make(page: PageWorld) -> Request:
        sent = body if isinstance(body, str) else urlencode(body(page))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return request("POST", path, sent, headers={**OWN, **named})

    return make


def link(contact: str, action: str = "acknowledge", **fields: str) -> Callable[[PageWorld], dict[str, str]]:
    return lambda page: {"link": page.own[contact], "action": action} | fields


def given(secret: str | Callable[[PageWorld], str], **fields: str) -> Callable[[PageWorld], dict[str, str]]:
    return lambda page: {"link": secret if isinstance(secret, str) else secret(page), "action": "acknowledge"} | fields


def bare(headers: dict[str, str]) -> Callable[[PageWorld], Request]:
    def make(page: PageWorld) -> Request:
        sent = urlencode({"link": page.own["ben"], "action": "acknowledge"})
        return request("POST", "/act", sent, headers={"content-type": FORM} | headers)

    return make


def get(path: Callable[[PageWorld], str] | str, method: str = "GET", **headers: str) -> Callable[[PageWorld], Request]:
    return lambda page: request(method, path if isinstance(path, str) else path(page), headers=headers)


def taken(page: PageWorld) -> None:
    assert page.press(page.own["ben"])["statusCode"] == 200


def over(page: PageWorld) -> None:
    taken(page)
    assert page.press(page.own["ben"], "resolve", cause="test")["statusCode"] == 200


def expired(page: PageWorld) -> None:
    page.change_link("ben", expires_at=NOW)


def revoked(page: PageWorld) -> None:
    page.change_link("ben", revoked_at=NOW)


def removed(page: PageWorld) -> None:
    del page.here.directory.names["ben"]


def mail_app(site: str) -> dict[str, str]:
    """What the browser inside a mail program or a chat sends: no Sec-Fetch at all."""
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS]"
    return {"origin": site, "user-agent": agent, "referer": f"{site}/", "x-requested-with": "com.example.mail"}


LINKS = {
    "forged": Attempt(post(given(FORGED)), 404),
    "empty": Attempt(post(given("")), 404),
    "truncated": Attempt(post(given(lambda page: page.own["ben"][:-1])), 404),
    "cut at the front": Attempt(post(given(lambda page: page.own["ben"][1:])), 404),
    "one character more": Attempt(post(given(lambda page: page.own["ben"] + "0")), 404),
    "one character changed": Attempt(post(given(lambda page: page.own["ben"][:-1] + "z")), 404),
    "in capitals": Attempt(post(given(lambda page: "6" + page.own["ben"].upper()[1:-1] + "Z")), 404),
    "with a space": Attempt(post(given(lambda page: page.own["ben"] + " ")), 404),
    "with a line end": Attempt(post(given(lambda page: page.own["ben"] + "\n")), 404),
    "in full-width digits": Attempt(post(given("\uff10" * 26)), 404),
    "its hash in its place": Attempt(post(given(lambda page: next(iter(page.here.links.links)))), 404),
    "an incident's id": Attempt(post(given(lambda page: page.first.incident_id)), 404),
    "a task token": Attempt(post(given("token-2")), 404),
    "a path": Attempt(post(given("../../etc/passwd")), 404),
    "a query": Attempt(post(given("' OR 1=1 --")), 404),
    "a document": Attempt(post(given('{"$ne": null}')), 404),
    "a zero byte": Attempt(post(given(lambda page: page.own["ben"] + ZERO)), 404),
    "3 KB long": Attempt(post(given("6" * 3000)), 404),
    "an earlier tier's": Attempt(post(link("ana")), 409),
    "an earlier tier's, to escalate": Attempt(post(link("ana", "escalate")), 409),
    "an earlier tier's, to put it off": Attempt(post(link("ana", "snooze", snooze_s="900")), 409),
    "another's, once it is taken": Attempt(post(link("cem")), 409, taken),
    "another's, to resolve": Attempt(post(link("cem", "resolve", cause="test")), 409, taken),
    "another's, to put it off": Attempt(post(link("cem", "snooze", snooze_s="900")), 409, taken),
    "another's, for a command": Attempt(post(link("cem", "command", command="defrost_off")), 409, taken),
    "replayed when it is over": Attempt(post(link("ben")), 409, over),
    "to resolve what is over": Attempt(post(link("ben", "resolve", cause="test")), 409, over),
    "to escalate what is over": Attempt(post(link("ben", "escalate")), 409, over),
    "to resolve what nobody has": Attempt(post(link("ben", "resolve", cause="test")), 409),
    "a command before it is taken": Attempt(post(link("ben", "command", command="defrost_off")), 409),
    "a command that the plan does not name": Attempt(post(link("ben", "command", command="wipe")), 403, taken),
    "no command": Attempt(post(link("ben", "command")), 403, taken),
    "a command with markup": Attempt(post(link("ben", "command", command=MARKUP["script"])), 403, taken),
    "put off for a year": Attempt(post(link("ben", "snooze", snooze_s="31536000")), 403),
    "put off for no time": Attempt(post(link("ben", "snooze", snooze_s="0")), 403),
    "expired": Attempt(post(link("ben")), 410, expired),
    "expired, looked at": Attempt(get(lambda page: f"/a/{page.own['ben']}"), 410, expired),
    "expired, its report": Attempt(get(lambda page: f"/a/{page.own['ben']}/report.pdf"), 410, expired),
    "revoked": Attempt(post(link("ben")), 410, revoked),
    "of a contact who was removed": Attempt(post(link("ben")), 410, removed),
}
FORMS = {
    "nothing": Attempt(post(""), 400),
    "no link": Attempt(post("action=acknowledge"), 400),
    "no action": Attempt(post(f"link={FORGED}"), 400),
    "an action that is none": Attempt(post(link("ben", "delete")), 400),
    "an action with markup": Attempt(post(link("ben", MARKUP["script"])), 400),
    "two links": Attempt(
        lambda page: post(f"link={page.own['ana']}&link={page.own['ben']}&action=acknowledge")(page), 400
    ),
    "two actions": Attempt(lambda page: post(f"link={page.own['ben']}&action=acknowledge&action=snooze")(page), 400),
    "a negative time": Attempt(post(link("ben", "snooze", snooze_s="-900")), 400),
    "a time in words": Attempt(post(link("ben", "snooze", snooze_s="1e3")), 400),
    "a time in other digits": Attempt(post(link("ben", "snooze", snooze_s="\u0661\u0662")), 400),
    "a cause that is none": Attempt(post(link("ben", "resolve", cause="<b>")), 400, taken),
    "a disposition that is none": Attempt(post(link("ben", "resolve", cause="test", disposition="<b>")), 400, taken),
    "a revision that is none": Attempt(post(link("ben", "command", command="defrost_off", revision="x")), 400, taken),
    "a hundred fields": Attempt(post("&".join(f"f{number}=1" for number in range(100))), 400),
    "bytes that are no text": Attempt(post("link=%ff%fe&action=%00"), 400),
    "too large": Attempt(post("link=" + "a" * MOST_BYTES), 413),
    "a megabyte": Attempt(post("a" * 1_000_000), 413),
    "JSON": Attempt(post('{"link": "x"}', content_type="application/json"), 415),
    "plain text": Attempt(post(link("ben"), content_type="text/plain"), 415),
    "multipart": Attempt(post(link("ben"), content_type="multipart/form-data; boundary=x"), 415),
    "XML": Attempt(post("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", content_type="text/xml"), 415),
    "no type": Attempt(post(link("ben"), content_type=""), 415),
    "a type that begins like it": Attempt(post(link("ben"), content_type=f"{FORM}-data"), 415),
}
ORIGINS = {
    "another site": Attempt(bare({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}), 403),
    "another site without Sec-Fetch": Attempt(bare({"origin": "https://evil.example"}), 403),
    "a mail program's browser on another site": Attempt(bare(mail_app("https://evil.example")), 403),
    "no origin at all": Attempt(bare({}), 403),
    "a referer alone": Attempt(bare({"referer": f"https://{HOST}/"}), 403),
    "null": Attempt(bare({"origin": "null"}), 403),
    "null that says it is its own": Attempt(bare({"origin": "null", "sec-fetch-site": "same-origin"}), 403),
    "a sister site": Attempt(bare({"origin": f"https://other.{HOST}", "sec-fetch-site": "same-site"}), 403),
    "typed by hand": Attempt(bare({"sec-fetch-site": "none"}), 403),
    "a host with the name in front": Attempt(bare({"origin": f"https://{HOST}.evil.example"}), 403),
    "a host with the name behind": Attempt(bare({"origin": f"https://evil{HOST}"}), 403),
    "the name as a user": Attempt(bare({"origin": f"https://{HOST}@evil.example"}), 403),
    "another port": Attempt(bare({"origin": f"https://{HOST}:8443"}), 403),
    "another scheme": Attempt(bare({"origin": f"file://{HOST}"}), 403),
    "two origins": Attempt(bare({"origin": f"https://{HOST}, https://evil.example"}), 403),
    "markup": Attempt(bare({"origin": MARKUP["script"]}), 403),
    "another host, by its proxy's word": Attempt(
        bare({"origin": "https://evil.example", "x-forwarded-host": "evil.example"}), 403
    ),
}
ADDRESSES = {
    "GET at the button": Attempt(get(lambda page: f"/act?link={page.own['ben']}&action=acknowledge"), 405),
    "HEAD at the button": Attempt(get("/act", "HEAD"), 405),
    "PUT": Attempt(get(lambda page: f"/a/{page.own['ben']}", "PUT"), 405),
    "DELETE": Attempt(get(lambda page: f"/a/{page.own['ben']}", "DELETE"), 405),
    "POST at the page": Attempt(
        lambda page: request("POST", f"/a/{page.own['ben']}", "action=acknowledge", headers=OWN), 405
    ),
    "a method that is overridden": Attempt(get("/act", **{"x-http-method-override": "POST"}), 405),
    "a path out of it": Attempt(get("/a/../act"), 404),
    "an encoded path": Attempt(get("/a/..%2f..%2fetc%2fpasswd"), 404),
    "markup in the path": Attempt(get(f"/a/{quote(MARKUP['script'])}"), 404),
    "raw markup in the path": Attempt(get(f"/a/{MARKUP['image']}"), 404),
    "markup in the query": Attempt(get(f"/code?incident={quote(MARKUP['attribute'])}"), 200),
    "a header in the path": Attempt(get("/a/x\r\nset-cookie: a=b"), 404),
    "a header in the query": Attempt(get("/code?incident=%0d%0aset-cookie:%20a=b"), 200),
    "hostile headers": Attempt(get("/", host="evil.example", referer=MARKUP["script"]), 404),
    "another page's file": Attempt(get(lambda page: f"/a/{page.own['ben']}/record.json"), 404),
    "a report that is not written": Attempt(get(lambda page: f"/a/{page.own['ben']}/report.pdf"), 404),
    "a report by a forged link": Attempt(get(f"/a/{FORGED}/report.pdf"), 404),
}


def codes(reference: str | None, code: str | None) -> Callable[[PageWorld], dict[str, str]]:
    """Those that belong together, if none are named."""
    return lambda page: {
        "incident": page.first.incident_id[:6] if reference is None else reference,
        "code": page.code if code is None else code,
    }


def _lock(page: PageWorld) -> None:
    for _ in range(5):
        page.ask(post(codes(None, "999999"), "/code")(page))


CODES = {
    "wrong": Attempt(post(codes(None, "999999"), "/code"), 403),
    "of another incident": Attempt(
        post(lambda page: {"incident": page.second.incident_id[:6], "code": page.code}, "/code"), 403
    ),
    "of none": Attempt(post(codes("", ""), "/code"), 403),
    "too long": Attempt(post(codes(None, "9" * 1000), "/code"), 403),
    "in other digits": Attempt(post(codes(None, "\u0660" * 5 + "\u0664"), "/code"), 403),
    "markup as reference": Attempt(post(codes(MARKUP["attribute"], None), "/code"), 403),
    "markup as code": Attempt(post(codes(None, MARKUP["script"]), "/code"), 403),
    "with an action": Attempt(post("incident=x&code=1&action=resolve", "/code"), 400),
    "twice": Attempt(post("incident=x&code=1&code=2", "/code"), 400),
    "from another site": Attempt(post(codes(None, None), "/code", origin="https://evil.example"), 403),
    "as JSON": Attempt(post("{}", "/code", content_type="application/json"), 415),
    "when it is locked": Attempt(post(codes(None, None), "/code"), 429, _lock),
}


ALL = {
    f"{group}: {name}": attempt
    for group, attempts in {
        "link": LINKS,
        "form": FORMS,
        "origin": ORIGINS,
        "address": ADDRESSES,
        "code": CODES,
    }.items()
    for name, attempt in attempts.items()
}


def test_there_are_as_many_as_were_promised_and_more() -> None:
    assert len(ALL) + len(MARKUP) >= 60
    assert len(ALL) == 109


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_request_is_answered_plainly_and_does_nothing(name: str) -> None:
    page, attempt = page_world(), ALL[name]
    attempt.before(page)
    kept = page.kept()

    answer = page.ask(attempt.make(page))

    assert answer["statusCode"] == attempt.status
    assert page.kept() == kept
    _holds(answer, is_head=name.endswith("HEAD at the button"))


def _holds(answer: dict[str, Any], *, is_head: bool = False) -> None:
    """A whole page of ours, with its headers, and nothing in it that is not ours."""
    body, headers = answer["body"], answer["headers"]
    assert body.startswith("<!doctype html>") or is_head
    assert strange_markup(body) == []
    assert BIDI not in body
    assert ZERO not in body
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert not [value for value in headers.values() if "\r" in value or "\n" in value or "evil" in value]
    assert not {"set-cookie", "location", "access-control-allow-origin"} & headers.keys()


def written_by_others(said: str) -> Iterator[Callable[[PageWorld], None]]:
    """Everything on a page that a device, a contact, an operator or a responder has written."""

    def of_the_incident(**changes: Any) -> Callable[[PageWorld], None]:
        def change(page: PageWorld) -> None:
            page.here.incidents.incidents[page.first.incident_id] = replace(page.of_first(), **changes)

        return change

    def timeline(page: PageWorld) -> None:
        page.here.incidents.events[page.first.incident_id][NOW, "z"] = TimelineEvent(
            NOW, "z", EventType.OPENED, said, said
        )

    def told(page: PageWorld) -> None:
        page.here.incidents.kept_pages["x", 9, "x", "x"] = Page(
            page.first.incident_id, 9, 1, said, NOW, is_sent=False, failure=said, channel=said, delivery=said
        )

    def readings(page: PageWorld) -> None:
        made = {"device_id": page.first.device_id, "timestamp": NOW, "temp_c": said, "sensor_type": said, "probe": said}
        page.here.readings.readings = [made, made | {"temp_c": 9.0, "timestamp": NOW + 1}]

    def names(page: PageWorld) -> None:
        page.here.directory.names |= dict.fromkeys(("ana", "ben", "cem"), said)

    place = dict.fromkeys(("site", "location", "place", "gateway", "latitude", "longitude"), said)
    for field in ("title", "device_id", "thing_type", "fleet_id", "application", "note", "resolution", "resolved_by"):
        yield of_the_incident(**{field: said})
    yield of_the_incident(details={"place": place, "device_type": said, "recent": [{"timestamp": said}]})
    yield of_the_incident(details={"place": said})
    yield lambda page: of_the_incident(profile={**page.first.profile, "name": said})(page)
    yield lambda page: of_the_incident(plan=replace(page.first.plan, commands=(said,), policy_id=said))(page)
    yield of_the_incident(status=Status.ACKNOWLEDGED, acknowledged_by=said, acknowledged_at=NOW)
    yield timeline
    yield told
    yield readings
    yield names


@pytest.mark.parametrize("kind", MARKUP)
def test_what_somebody_wrote_is_shown_as_they_wrote_it_and_is_never_markup(kind: str) -> None:
    fields = list(written_by_others(MARKUP[kind]))
    for write in fields:
        page = page_world()
        write(page)
        kept = page.kept()

        for contact in ("ana", "ben"):
            answer = page.get(f"/a/{page.own[contact]}")

            assert answer["statusCode"] == 200
            _holds(answer)
        assert page.kept() == kept
    assert len(fields) == 17


@pytest.mark.parametrize("kind", MARKUP)
def test_a_note_full_of_markup_is_kept_as_text(kind: str) -> None:
    page = page_world()
    taken(page)

    asked_again = page.press(page.own["ben"], "resolve", cause="", note=MARKUP[kind])
    done = page.press(page.own["ben"], "resolve", cause="test", note=MARKUP[kind])

    for answer in (asked_again, done, page.get(f"/a/{page.own['cem']}")):
        _holds(answer)
    assert not set(page.of_first().note or "") & {BIDI, ZERO, "\x1b", "\x07"}


@pytest.mark.parametrize(
    "headers",
    [
        mail_app(f"https://{HOST}"),
        {"origin": f"https://{HOST}"},
        {"sec-fetch-site": "same-origin"},
        {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"},
    ],
)
def test_the_pages_own_button_works_in_a_browser_that_sends_no_sec_fetch(headers: dict[str, str]) -> None:
    page = page_world()

    assert page.ask(bare(headers)(page))["statusCode"] == 200
    assert page.of_first().acknowledged_by == "ben"
