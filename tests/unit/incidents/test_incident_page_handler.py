"""Requests to the incident page: which are answered how, and that looking writes nothing."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode, urljoin

import pytest

from coldwatch.incidents.identity import link_hash
from coldwatch.incidents.incident import Cause, Disposition, Status
from coldwatch.incidents.wording import moment
from incident_page.flood import A_MISS, CAPACITY, PER_SECOND, SOURCES, Flood
from incident_page.requests import MOST_BYTES, read
from incident_page.routes import MOST_MISSES, MOST_OF_A_LINK
from incident_page.showing import DAY_MS, MOST_READINGS
from tests.unit.incidents.builders import MINUTE, NOW
from tests.unit.incidents.fakes import FakeReadings
from tests.unit.incidents.page_world import FORM, HOST, OWN, REPORT, PageWorld, page_world, request

FORGED = "6raj61sw9nq8hdqdb4hqvp1xbb"


@pytest.fixture
def page() -> PageWorld:
    return page_world()


def taken(page: PageWorld) -> None:
    assert page.press(page.own["ben"])["statusCode"] == 200


def over(page: PageWorld) -> None:
    taken(page)
    assert page.press(page.own["ben"], "resolve", cause="loading")["statusCode"] == 200


def snoozed(page: PageWorld) -> None:
    assert page.press(page.own["ben"], "snooze", snooze_s="900")["statusCode"] == 200


def nothing(_page: PageWorld) -> None:
    """It is open, in its second round."""


@pytest.mark.parametrize("before", [nothing, taken, snoozed, over])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("contact", ["ana", "ben", "cem"])
def test_to_look_writes_nothing_whatever_the_incident_is(
    page: PageWorld, before: Callable[[PageWorld], None], method: str, contact: str
) -> None:
    before(page)
    kept, tried = page.kept(), dict(cast("Any", page.use.attempts).tried)

    for path in (f"/a/{page.own[contact]}", f"/a/{page.own[contact]}/report.pdf", "/code", f"/a/{FORGED}"):
        answer = page.ask(request(method, path))
        assert answer["statusCode"] in {200, 404}
        assert bool(answer["body"]) == (method == "GET")

    assert page.kept() == kept
    assert cast("Any", page.use.attempts).tried == tried, "not even how often was looked"


def test_the_button_acts_and_the_workflow_hears(page: PageWorld) -> None:
    answer = page.press(page.own["ben"])

    assert answer["statusCode"] == 200
    assert "Thank you, Ben Okafor: you have it." in answer["body"]
    assert page.of_first().acknowledged_by == "ben"
    assert [token for token, _ in page.here.waiting.heard][-1:] == ["token-2"]


def test_the_second_responder_is_told_who_was_first(page: PageWorld) -> None:
    taken(page)

    answer = page.press(page.own["cem"])

    assert answer["statusCode"] == 409
    assert "Ben Okafor has it." in answer["body"]
    assert "You need not do anything. Nothing was changed." in answer["body"]
    assert page.of_first().acknowledged_by == "ben"


def test_a_link_of_an_older_round_is_too_late_and_says_who_is_asked(page: PageWorld) -> None:
    answer = page.press(page.own["ana"])

    assert answer["statusCode"] == 409
    assert "Too late for this link." in answer["body"]
    assert "Ben Okafor and Cem Yilmaz" in answer["body"]
    assert page.of_first().status is Status.OPEN


def test_it_is_put_off_for_a_time_that_the_plan_allows_and_no_other(page: PageWorld) -> None:
    refused = page.press(page.own["ben"], "snooze", snooze_s="86400")
    put_off = page.press(page.own["ben"], "snooze", snooze_s="900")

    assert refused["statusCode"] == 403
    assert "Not from this link." in refused["body"]
    assert "Quiet until 00:18 UTC." in put_off["body"]
    assert page.of_first().snoozed_until == NOW + 18 * MINUTE


def test_it_is_resolved_with_what_it_was_what_becomes_of_the_goods_and_a_note(page: PageWorld) -> None:
    taken(page)
    asked = {
        "cause": "door_left_open",
        "disposition": "not_affected",
        "note": "a\nseal\x00\u202e loose " + "x" * 900,
    }

    answer = page.press(page.own["ben"], "resolve", **asked)

    incident = page.of_first()
    assert "Resolved. Thank you, Ben Okafor." in answer["body"]
    assert "Cause: door left open. Goods: not affected." in answer["body"]
    assert (incident.cause, incident.disposition) == (Cause.DOOR_LEFT_OPEN, Disposition.NOT_AFFECTED)
    assert (incident.note or "").startswith("a\nseal loose x")
    assert len(incident.note or "") <= 500


def test_who_does_not_say_what_it_was_is_asked_again_and_nothing_is_lost(page: PageWorld) -> None:
    taken(page)
    kept = page.kept()

    answer = page.press(page.own["ben"], "resolve", cause="", note="Seal was loose.")

    assert answer["statusCode"] == 422
    assert "Nothing was changed yet: choose what it was." in answer["body"]
    assert ">Seal was loose.</textarea>" in answer["body"]
    assert page.kept() == kept


def test_a_command_that_the_plan_allows_is_sent_once_however_often_it_is_pressed(page: PageWorld) -> None:
    taken(page)
    fields = {"command": "defrost_off", "revision": str(page.of_first().revision)}

    first, second = (page.press(page.own["ben"], "command", **fields) for _ in range(2))
    refused = page.press(page.own["ben"], "command", command="format_disk")

    assert "The command was sent." in first["body"]
    assert second["statusCode"] == 200
    assert [sent[1] for sent in page.here.commands.sent.values()] == ["defrost_off"]
    assert refused["statusCode"] == 403
    assert "does not allow that command" in refused["body"]


def test_the_next_are_told_at_once_when_somebody_asks_for_it(page: PageWorld) -> None:
    answer = page.press(page.own["ben"], "escalate")

    assert answer["statusCode"] == 200
    assert "The next are told now." in answer["body"]
    assert page.of_first().is_escalated


def test_whether_it_was_useful_can_be_said_when_it_is_over(page: PageWorld) -> None:
    over(page)

    answer = page.press(page.own["cem"], "not_useful")

    assert "Thank you, Cem Yilmaz." in answer["body"]
    assert (page.of_first().useful, page.of_first().useful_by) == (False, "cem")


def test_whether_it_was_useful_can_be_said_as_soon_as_somebody_has_it(page: PageWorld) -> None:
    early = page.get(f"/a/{page.own['cem']}")
    taken(page)

    looked, answer = page.get(f"/a/{page.own['cem']}"), page.press(page.own["cem"], "not_useful")

    assert 'value="not_useful"' not in early["body"]
    assert 'value="not_useful"' in looked["body"]
    assert "Thank you, Cem Yilmaz." in answer["body"]
    assert (page.of_first().useful, page.of_first().status) == (False, Status.ACKNOWLEDGED)


def test_the_report_can_be_fetched_by_a_link_once_it_is_written(page: PageWorld) -> None:
    over(page)
    path = f"/a/{page.own['cem']}/report.pdf"
    early = page.get(path)
    page.here.incidents.incidents[page.first.incident_id] = replace(page.of_first(), recorded_at=NOW)
    cast("Any", page.use.reports).written[page.first.incident_id] = REPORT

    answer = page.get(path)

    assert (early["statusCode"], "No report yet" in early["body"]) == (404, True)
    assert base64.b64decode(answer["body"]) == REPORT
    assert answer["headers"]["content-type"] == "application/pdf"
    assert answer["headers"]["cache-control"] == "no-store"
    assert f'href="../a/{page.own["cem"]}/report.pdf"' in page.get(f"/a/{page.own['cem']}")["body"]
    assert page.get(f"/a/{FORGED}/report.pdf") == page.get(f"/a/{FORGED}")


def test_the_page_of_an_answer_sends_its_own_buttons_to_the_same_address(page: PageWorld) -> None:
    """`act` as seen from `.../act` is what `../act` is as seen from `.../a/{secret}`, below whatever path."""
    base, secret = f"https://{HOST}/stage/", page.own["ben"]
    before, after = page.get(f"/a/{secret}")["body"], page.press(secret)["body"]

    assert urljoin(f"{base}a/{secret}", _first(before, "action")) == f"{base}act"
    assert urljoin(f"{base}act", _first(after, "action")) == f"{base}act"
    assert urljoin(f"{base}a/{secret}", _first(before, "href")) == f"{base}a/{secret}"
    assert urljoin(f"{base}act", _first(after, "href")) == f"{base}a/{secret}"


def _first(html: str, attribute: str) -> str:
    return html.partition(f'{attribute}="')[2].partition('"')[0]


def test_a_revoked_link_and_one_of_a_contact_who_was_removed_have_expired(page: PageWorld) -> None:
    page.change_link("ben", revoked_at=NOW)
    del page.here.directory.names["cem"]
    kept = page.kept()

    for contact in ("ben", "cem"):
        answers = page.get(f"/a/{page.own[contact]}"), page.press(page.own[contact])
        assert [each["statusCode"] for each in answers] == [410, 410]
        assert all("This link has expired" in each["body"] for each in answers)
        assert all(page.first.device_id not in each["body"] for each in answers)
    assert page.kept() == kept


def test_whoever_loses_to_others_again_and_again_is_asked_to_look(page: PageWorld) -> None:
    page.here.incidents.apply = lambda change: False  # type: ignore[method-assign] # noqa: ARG005 - others are always quicker

    assert page.press(page.own["ben"])["statusCode"] == 503


def warm(page: PageWorld, at: int) -> dict[str, Any]:
    return {"device_id": page.first.device_id, "timestamp": at, "temp_c": 9.0 if at < NOW else 12.5}


def test_a_device_whose_clock_is_ahead_is_seen_up_to_now(page: PageWorld) -> None:
    page.here.readings.readings = [warm(page, NOW - MINUTE), warm(page, page.now_ms + 10 * MINUTE)]

    html = page.get(f"/a/{page.own['ben']}")["body"]

    assert "<dt>Peak</dt><dd>12.5 °C" in html
    assert "its clock is ahead" in html


def test_what_came_after_the_end_is_not_shown(page: PageWorld) -> None:
    over(page)
    page.here.readings.readings = [warm(page, NOW - MINUTE), warm(page, page.now_ms + 10 * MINUTE)]

    assert "<dt>Peak</dt><dd>9 °C" in page.get(f"/a/{page.own['ben']}")["body"]


def test_of_more_readings_than_a_page_takes_it_has_the_newest_of_the_last_day(page: PageWorld) -> None:
    began_at = NOW - 3 * DAY_MS
    page.here.incidents.incidents[page.first.incident_id] = replace(page.of_first(), began_at=began_at)
    many = FakeReadings([warm(page, began_at + second * 10_000) for second in range(3 * 8640)])
    use = replace(page.use, readings=many)

    html = replace(page, use=use).get(f"/a/{page.own['ben']}")["body"]

    assert f"Temperature from {moment(NOW - MOST_READINGS * 10_000)} to" in html


@pytest.mark.parametrize("secret", ["0" * 26, "x", "", "a" * 3000, FORGED.upper(), "%0d%0aset-cookie:a=b", FORGED])
def test_whatever_is_no_link_gets_one_and_the_same_answer_after_the_same_steps(page: PageWorld, secret: str) -> None:
    asked: list[str] = []
    links: Any = _Watched(page.here.links, asked)
    attempts: Any = _Watched(page.use.attempts, asked)
    watched = replace(page, use=replace(page.use, links=links, attempts=attempts))

    looked, pressed = watched.get(f"/a/{secret}"), watched.press(secret)

    assert looked == pressed == page.get("/a/00000000000000000000000000")
    assert looked["statusCode"] == 404
    assert asked == ["find", "add", "find", "add"]


class _Watched:
    def __init__(self, port: Any, asked: list[str]) -> None:
        self._port, self._asked = port, asked

    def __getattr__(self, name: str) -> Any:
        self._asked.append(name)
        return getattr(self._port, name)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": f"https://{HOST}"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": f"https://{HOST}", "sec-fetch-site": "same-origin", "content-type": f"{FORM}; charset=UTF-8"}, 200),
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": f"javascript://{HOST}"}, 403),
        ({"origin": f"https://{HOST}/"}, 403),
        ({"origin": ""}, 403),
        ({"origin": f"https://{HOST}.evil.example"}, 403),
        ({"origin": f"https://{HOST}", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": f"https://{HOST}", "sec-fetch-site": "same-site"}, 403),
        ({"origin": f"https://{HOST}", "sec-fetch-site": "none"}, 403),
        ({"origin": f"https://{HOST}", "content-type": "application/json"}, 415),
        ({"origin": f"https://{HOST}", "content-type": "text/plain"}, 415),
        ({"origin": f"https://{HOST}", "content-type": ""}, 415),
    ],
)
@pytest.mark.parametrize("path", ["/act", "/code"])
def test_only_the_pages_own_form_is_taken(page: PageWorld, headers: dict[str, str], status: int, path: str) -> None:
    fields = {"link": page.own["ben"], "action": "acknowledge"}
    if path == "/code":
        fields = {"incident": page.first.incident_id[:6], "code": page.code}

    answer = page.ask(request("POST", path, urlencode(fields), headers={"content-type": FORM} | headers))

    assert answer["statusCode"] == status
    assert (page.of_first().status is Status.ACKNOWLEDGED) == (status == 200)


def test_a_browser_that_does_not_say_where_a_form_comes_from_is_told_what_to_do(page: PageWorld) -> None:
    sent = urlencode({"link": page.own["ben"], "action": "acknowledge"})

    answer = page.ask(request("POST", "/act", sent, headers={"content-type": FORM}))

    assert "Please open it in another browser" in answer["body"]


def test_an_address_of_its_own_is_the_pages_own_too(page: PageWorld) -> None:
    use = replace(page.use, page_base_url="https://incidents.example.org/stage/")
    sent = urlencode({"link": page.own["ben"], "action": "acknowledge"})
    headers = {"content-type": FORM, "origin": "https://incidents.example.org"}

    assert replace(page, use=use).ask(request("POST", "/act", sent, headers=headers))["statusCode"] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("link=x", 400),
        ("action=acknowledge", 400),
        (f"link={FORGED}&action=destroy", 400),
        (f"link={FORGED}&link={FORGED}&action=acknowledge", 400),
        (f"link={FORGED}&action=snooze&snooze_s=-1", 400),
        (f"link={FORGED}&action=snooze&snooze_s=9999999999", 400),
        (f"link={FORGED}&action=resolve&cause=boredom", 400),
        (f"link={FORGED}&action=resolve&cause=test&disposition=eaten", 400),
        ("&".join(f"f{n}=1" for n in range(11)), 400),
        ("%ff%fe", 400),
        ("x" * (MOST_BYTES + 1), 413),
    ],
)
def test_a_body_that_no_button_sends_is_refused(page: PageWorld, body: str, status: int) -> None:
    assert page.ask(request("POST", "/act", body, headers=OWN))["statusCode"] == status


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("POST", f"/a/{FORGED}", 405, "GET, HEAD"),
        ("DELETE", f"/a/{FORGED}", 405, "GET, HEAD"),
        ("POST", f"/a/{FORGED}/report.pdf", 405, "GET, HEAD"),
        ("GET", "/act", 405, "POST"),
        ("PUT", "/code", 405, "GET, HEAD, POST"),
        ("GET", "/", 404, None),
        ("GET", "/favicon.ico", 404, None),
        ("GET", f"/a/{FORGED}/record.json", 404, None),
        ("GET", f"//a/{FORGED}", 404, None),
        ("POST", "/", 404, None),
    ],
)
def test_other_methods_and_paths_lead_nowhere(
    page: PageWorld, method: str, path: str, status: int, allowed: str | None
) -> None:
    answer = page.ask(request(method, path))

    assert (answer["statusCode"], answer["headers"].get("allow")) == (status, allowed)


def test_a_body_may_come_in_base64_and_must_then_be_it() -> None:
    event = {"requestContext": {"http": {"method": "POST"}}, "rawPath": "/act", "isBase64Encoded": True}

    assert read(event | {"body": base64.b64encode(b"link=x").decode()}).body == b"link=x"
    with pytest.raises(ValueError, match="base64"):
        read(event | {"body": "%%%"})


def code(page: PageWorld, reference: str, digits: str) -> dict[str, Any]:
    return page.ask(request("POST", "/code", urlencode({"incident": reference, "code": digits}), headers=OWN))


def test_an_incident_can_be_taken_by_its_reference_and_the_code_of_the_message(page: PageWorld) -> None:
    reference = page.first.incident_id[:6]
    form = page.get(f"/code?incident={reference}")["body"]

    answer = code(page, f" {reference} ", f"{page.code[:3]} {page.code[3:]}")

    assert f'value="{reference.upper()}"' in form
    assert "Thank you, Ben Okafor: you have it." in answer["body"]
    assert page.of_first().acknowledged_by == "ben"
    assert page.own["ben"] not in answer["body"], "a code is not worth a link"
    assert "<button" not in answer["body"]


def test_a_wrong_code_and_an_incident_that_is_not_are_answered_alike_and_then_no_more(page: PageWorld) -> None:
    reference, kept = page.first.incident_id[:6].upper(), page.kept()
    wrong = code(page, reference, "999999")
    unknown = code(page, "ZZZZZZ", page.code)
    several = [code(page, reference, f"99999{number}")["statusCode"] for number in range(5)]

    assert (wrong["statusCode"], unknown["statusCode"]) == (403, 403)
    assert wrong["body"].replace(reference, "") == unknown["body"].replace("ZZZZZZ", "")
    assert several == [403, 403, 403, 403, 429]
    assert "Too many tries" in code(page, reference, page.code)["body"]
    assert page.kept() == kept


def test_one_link_is_answered_so_often_and_not_more(page: PageWorld) -> None:
    statuses = [page.press(page.own["ben"])["statusCode"] for _ in range(MOST_OF_A_LINK + 1)]

    assert set(statuses[:-1]) == {200}
    assert statuses[-1] == 429
    assert page.press(page.own["cem"])["statusCode"] == 409, "others are answered still"


def test_who_guesses_is_answered_so_often_and_a_link_that_is_one_always(page: PageWorld) -> None:
    guesses = [page.press(f"7{number:025d}") for number in range(MOST_MISSES + 1)]

    assert [each["statusCode"] for each in guesses] == [404] * MOST_MISSES + [429]
    assert guesses[-1]["headers"]["retry-after"] == "60"
    assert page.press(page.own["ben"])["statusCode"] == 200
    page.now_ms += 600_000
    assert page.press(FORGED)["statusCode"] == 404, "after a while it is forgotten"


def test_who_looks_for_links_is_held_up_without_anything_being_written_or_read(page: PageWorld) -> None:
    most = int(CAPACITY / A_MISS)
    statuses = [page.get(f"/a/7{number:025d}")["statusCode"] for number in range(most)]

    assert set(statuses) == {404}
    assert page.get(f"/a/{page.own['ben']}")["statusCode"] == 429
    other = {"requestContext": {"http": {"method": "GET", "sourceIp": "198.51.100.1"}}}
    assert page.get(f"/a/{page.own['ben']}", **other)["statusCode"] == 200
    page.now_ms += 1000
    assert page.get(f"/a/{page.own['ben']}")["statusCode"] == 200, "a second later it may look again"


def test_a_bucket_fills_again_and_of_too_many_sources_the_quietest_is_forgotten() -> None:
    flood = Flood()
    flood.take("one", CAPACITY, now_ms=0)
    assert flood.is_over("one", now_ms=0)
    assert not flood.is_over("one", now_ms=int(1000 / PER_SECOND))
    assert flood.is_over("one", now_ms=-5000), "a clock that is set back gives nothing"
    for number in range(SOURCES):
        flood.take(str(number), 1, now_ms=0)
    assert len(flood.buckets) == SOURCES
    assert "one" not in flood.buckets


def test_no_header_of_an_answer_says_what_a_request_said(page: PageWorld) -> None:
    secret = "x\r\nset-cookie: a=b"
    headers = OWN | {"x-forwarded-host": "evil.example\r\nlocation: https://evil.example"}

    answers = page.get(f"/a/{secret}"), page.ask(request("POST", "/act", f"link={secret}", headers=headers))

    for answer in answers:
        assert not [value for value in answer["headers"].values() if "evil" in value or "\n" in value or "\r" in value]
        assert not {"location", "set-cookie"} & answer["headers"].keys()


def test_the_hash_of_a_link_is_kept_and_never_its_secret(page: PageWorld) -> None:
    page.press(page.own["ben"])

    for secret in (*page.own.values(), page.other):
        assert secret not in repr(page.here.incidents) + repr(page.here.links) + repr(page.here.executions)
        assert link_hash(secret) in page.here.links.links
