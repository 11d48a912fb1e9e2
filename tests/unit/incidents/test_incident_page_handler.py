"""Requests to the incident page: which are answered how, and that looking writes nothing."""

import base64
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode, urljoin

import pytest

from coldwatch.incidents.identity import link_hash
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.links import Link
from coldwatch.incidents.wording import moment
from incident_page.handler import DAY_MS, MOST_READINGS, Tools, route
from incident_page.requests import MOST_BYTES, read
from tests.unit.incidents.builders import NOW
from tests.unit.incidents.fakes import FakeReadings
from tests.unit.incidents.page_examples import ESCALATED, OPEN, OVER, SECRET, TAKEN

HOST = "page.example"


class Refusing:
    """A store that can only be read: whatever else is asked of it fails the test."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        if name not in self._answers:
            raise AssertionError(f"{name} was called by a request that may only look")
        return self._answers[name]


class Writable(Refusing):
    def __init__(self, incident: Incident) -> None:
        super().__init__(timeline=lambda _: [], pages=lambda _: [])
        self.incident = incident

    def find(self, _incident_id: str) -> Incident:
        return self.incident

    def apply(self, change: Any) -> bool:
        self.incident = change.after
        return True


def link(**changes: Any) -> Link:
    made = Link(
        link_hash=link_hash(SECRET) or "",
        incident_id=OPEN.incident_id,
        contact_id="ana",
        tier=1,
        round=1,
        created_at=NOW,
        expires_at=NOW + 7 * 86_400_000,
    )
    return replace(made, **changes)


def tools(incident: Incident, *, own: Link | None = None, is_writable: bool = False) -> Tools:
    known = own or link()
    store: Any = (
        Writable(incident)
        if is_writable
        else Refusing(find=lambda _: incident, timeline=lambda _: [], pages=lambda _: [])
    )
    woken: Any = Refusing(wake=lambda _, now_ms: None) if is_writable else Refusing()
    links: Any = Refusing(find=lambda hashed: known if hashed == known.link_hash else None)
    contacts: Any = Refusing(find=lambda _: None, knows=lambda contact_id: contact_id != "gone")
    readings: Any = Refusing(between=lambda *_, **__: [])
    return Tools(store, links, contacts, readings, woken, Refusing(), "")


def request(method: str, path: str, body: str = "", **headers: str) -> Any:
    usual = {"host": HOST, "content-type": "application/x-www-form-urlencoded"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    event = {"requestContext": {"http": {"method": method}}, "rawPath": path, "headers": usual, "body": body}
    return read(event)


def ask(use: Tools, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    page, _ = route(request(method, path, body, **headers), use, now_ms=NOW + 1000)
    return page.status, page.html


def press(use: Tools, **fields: str) -> tuple[int, str]:
    sent = urlencode({"link": SECRET, "action": "acknowledge"} | fields)
    return ask(use, "POST", "/act", sent, origin=f"https://{HOST}", sec_fetch_site="same-origin")


@pytest.mark.parametrize("incident", [OPEN, TAKEN, OVER, ESCALATED])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_to_look_writes_nothing_whatever_the_incident_is(incident: Incident, method: str) -> None:
    assert ask(tools(incident), method, f"/a/{SECRET}")[0] == 200


def test_the_button_acts() -> None:
    use = tools(OPEN, is_writable=True)

    status, html = press(use)

    assert status == 200
    assert "you have it" in html
    assert use.incidents.find("i") == replace(TAKEN, acknowledged_at=NOW + 1000, deadline_at=NOW + 901_000, revision=2)


def test_the_page_of_an_answer_sends_its_own_button_to_the_same_address() -> None:
    """`act` as seen from `.../act` is what `../act` is as seen from `.../a/{secret}`, below whatever path."""
    use = tools(OPEN, is_writable=True)
    base = "https://page.example/stage/"
    before, after = ask(tools(OPEN), "GET", f"/a/{SECRET}")[1], press(use)[1]

    assert urljoin(f"{base}a/{SECRET}", _form_address(before)) == f"{base}act"
    assert urljoin(f"{base}act", _form_address(after)) == f"{base}act"


def _form_address(html: str) -> str:
    return html.partition('action="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("incident", "own", "status"),
    [
        (replace(TAKEN, acknowledged_by="ben"), link(), 409),
        (OVER, link(), 409),
        (ESCALATED, link(), 409),
        (OPEN, link(expires_at=NOW - 1), 410),
        (OPEN, link(contact_id="gone"), 410),
        (TAKEN, link(), 200),
    ],
)
def test_an_answer_that_changes_nothing_says_so_by_its_status(incident: Incident, own: Link, status: int) -> None:
    use = tools(incident, own=own, is_writable=incident.status is not Status.OPEN)

    assert press(use)[0] == status


def test_whoever_loses_to_others_again_and_again_is_asked_to_look() -> None:
    always_later: Any = Refusing(find=lambda _: OPEN, apply=lambda _: False)
    use = replace(tools(OPEN), incidents=always_later)

    assert press(use)[0] == 503


def warm(at: int) -> dict[str, Any]:
    return {"device_id": OPEN.device_id, "timestamp": at, "temp_c": 9.0 if at < NOW else 12.5}


@pytest.mark.parametrize(("incident", "peak"), [(OPEN, "12.5"), (OVER, "11.4")])
def test_a_device_whose_clock_is_ahead_is_seen_up_to_now_and_what_came_after_the_end_is_not(
    incident: Incident, peak: str
) -> None:
    end = incident.resolved_at or NOW + 1000
    ahead = FakeReadings([warm(NOW - 60_000), warm(end + 10 * 60_000)])

    _, html = ask(replace(tools(incident), readings=cast("Any", ahead)), "GET", f"/a/{SECRET}")

    assert f"<dd>{peak} °C</dd>" in html


def test_of_more_readings_than_a_page_takes_it_has_the_newest_of_the_last_day() -> None:
    began_at = NOW - 3 * DAY_MS
    readings = FakeReadings([warm(began_at + second * 10_000) for second in range(3 * 8640)])
    use = replace(tools(replace(OPEN, began_at=began_at)), readings=cast("Any", readings))

    _, html = ask(use, "GET", f"/a/{SECRET}")

    assert f"Temperature from {moment(NOW - MOST_READINGS * 10_000)} to" in html


@pytest.mark.parametrize("secret", ["0" * 26, "x", "", "../../etc/passwd", "a" * 5000, "6RAJ61SW9NQ8HDQDB4HQVP1XBB"])
def test_whatever_is_no_link_gets_one_and_the_same_page(secret: str) -> None:
    assert ask(tools(OPEN), "GET", f"/a/{secret}") == ask(tools(OPEN), "GET", "/a/00000000000000000000000000")
    assert ask(tools(OPEN), "GET", f"/a/{secret}")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": f"https://{HOST}"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": f"https://{HOST}/"}, 403),
        ({"origin": ""}, 403),
        ({"origin": f"https://{HOST}.evil.example"}, 403),
        ({"origin": f"https://{HOST}", "sec_fetch_site": "cross-site"}, 403),
        ({"origin": f"https://{HOST}", "sec_fetch_site": "none"}, 403),
        ({"origin": f"https://{HOST}", "content_type": "application/json"}, 415),
        ({"origin": f"https://{HOST}", "content_type": "text/plain"}, 415),
    ],
)
def test_only_the_pages_own_form_is_taken(headers: dict[str, str], status: int) -> None:
    sent = urlencode({"link": SECRET, "action": "acknowledge"})

    assert ask(tools(OPEN, is_writable=status == 200), "POST", "/act", sent, **headers)[0] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("link=x", 400),
        ("action=acknowledge", 400),
        (f"link={SECRET}&action=destroy", 400),
        (f"link={SECRET}&link={SECRET}&action=acknowledge", 400),
        ("&".join(f"f{n}=1" for n in range(9)), 400),
        ("%ff%fe", 400),
        ("x" * (MOST_BYTES + 1), 413),
    ],
)
def test_a_body_that_no_button_sends_is_refused(body: str, status: int) -> None:
    assert ask(tools(OPEN), "POST", "/act", body, origin=f"https://{HOST}")[0] == status


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("POST", f"/a/{SECRET}", 405, "GET, HEAD"),
        ("DELETE", f"/a/{SECRET}", 405, "GET, HEAD"),
        ("GET", "/act", 405, "POST"),
        ("GET", "/", 404, None),
        ("GET", "/favicon.ico", 404, None),
        ("POST", "/", 404, None),
    ],
)
def test_other_methods_and_paths_lead_nowhere(method: str, path: str, status: int, allowed: str | None) -> None:
    page, headers = route(request(method, path), tools(OPEN), now_ms=NOW)

    assert (page.status, headers.get("allow")) == (status, allowed)


def test_a_body_may_come_in_base64_and_must_then_be_it() -> None:
    event = {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/act", "isBase64Encoded": True}

    assert read(event | {"body": base64.b64encode(b"link=x").decode()}).body == b"link=x"
    with pytest.raises(ValueError, match="base64"):
        read(event | {"body": "%%%"})


def test_a_note_keeps_its_lines_and_loses_what_no_person_types() -> None:
    use = tools(TAKEN, is_writable=True)

    press(use, action="resolve", note="door\nseal\x00\u202e loose " + "x" * 900)

    note = use.incidents.find("i").note  # type: ignore[union-attr] # it is there
    assert note is not None
    assert note.startswith("door\nseal loose x")
    assert len(note) <= 500
