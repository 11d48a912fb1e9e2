"""What a server that is not ours is sent over HTTPS: signed, checked, and never to an address inside."""

import hashlib
import hmac
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from coldwatch.adapters.https_post import HttpsPoster
from coldwatch.incidents.channels.signature import PAGE_ID, SIGNATURE, TIMESTAMP
from coldwatch.incidents.channels.ways import Way
from coldwatch.incidents.contacts import Address, ChannelKind
from coldwatch.incidents.ports import NotSentError
from tests.integration.aws.channels_world import HOST, KEY, NOW_S, PAGE, SCHEMAS, Account, Receiver, poster
from tests.integration.aws.channels_world import account as _account
from tests.integration.aws.channels_world import certificate as _certificate
from tests.integration.aws.channels_world import receiver as _receiver

account, certificate, receiver = _account, _certificate, _receiver


def is_genuine(key: str, timestamp: str, body: bytes, signature: str, *, now_s: int) -> bool:
    """By the receiver that the document gives."""
    given = re.search(
        r"```python\n(def is_genuine.+?)```", (SCHEMAS.parent / "docs/channels.md").read_text(), re.DOTALL
    )
    assert given
    names: dict[str, Any] = {"hashlib": hashlib, "hmac": hmac, "time": SimpleNamespace(time=lambda: now_s)}
    exec(given[1], names)  # noqa: S102 - our own document, so that it is tried as it stands
    return bool(names["is_genuine"](key.encode(), timestamp, body, signature))


def test_a_webhook_is_signed_so_that_its_receiver_can_tell(
    account: Account, receiver: Receiver, certificate: Path
) -> None:
    name = account.keep("s/webhook", url=f"https://{HOST}:{receiver.port}/in?x=1", key=KEY)
    way = Way("webhook:own", (Address(ChannelKind.WEBHOOK, "own", 1, name),))

    account.channels(poster(certificate)).send(PAGE, way)

    ((path, headers, body),) = receiver.got
    assert (path, headers["Host"], headers[PAGE_ID]) == ("/in?x=1", f"{HOST}:{receiver.port}", "i-1-ana")
    told = json.loads(body)
    Draft202012Validator(json.loads((SCHEMAS / "webhook_page.schema.json").read_text())).validate(told)
    assert (told["type"], told["contact_id"], told["link"]) == ("page", "ana", PAGE.link)
    at, signature = headers[TIMESTAMP], headers[SIGNATURE]
    assert is_genuine(KEY, at, body, signature, now_s=NOW_S + 300)
    assert not is_genuine(KEY, at, body + b" ", signature, now_s=NOW_S)
    assert not is_genuine("x" * 40, at, body, signature, now_s=NOW_S)
    assert not is_genuine(KEY, str(NOW_S + 1), body, signature, now_s=NOW_S)
    assert not is_genuine(KEY, at, body, signature, now_s=NOW_S + 301)
    assert not is_genuine(KEY, "١٢", body, signature, now_s=NOW_S)
    assert not is_genuine(KEY, at, body, "ü", now_s=NOW_S)


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [(400, True), (404, True), (410, True), (302, True), (429, False), (500, False), (503, False)],
)
def test_what_a_server_answers_decides_whether_another_try_may_help(
    receiver: Receiver, certificate: Path, status: int, *, is_permanent: bool
) -> None:
    receiver.status, receiver.location = status, f"https://{HOST}:{receiver.port}/elsewhere"

    with pytest.raises(NotSentError, match=f"it answered {status}") as refused:
        poster(certificate).post("webhook:own", f"https://{HOST}:{receiver.port}/secret-path", b"{}")

    assert refused.value.is_permanent is is_permanent
    assert len(receiver.got) == 1, "no redirect is followed"
    assert "secret-path" not in str(refused.value)


def test_a_server_with_another_name_gets_nothing(receiver: Receiver, certificate: Path) -> None:
    with pytest.raises(NotSentError, match="could not be reached") as refused:
        poster(certificate).post("webhook:own", f"https://other.example.com:{receiver.port}/x", b"{}")

    assert (receiver.got, refused.value.is_permanent) == ([], False)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["192.168.0.1"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104 - refused
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00:ec2::254"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["224.0.0.1"],
        ["93.184.215.14", "10.0.0.1"],
        [],
    ],
)
def test_nothing_is_sent_to_an_address_inside(receiver: Receiver, certificate: Path, addresses: list[str]) -> None:
    careful = HttpsPoster(look_up=lambda _host, _port: addresses, ca_certs=str(certificate))

    with pytest.raises(NotSentError, match="that nothing is sent to") as refused:
        careful.post("webhook:own", f"https://{HOST}:{receiver.port}/", b"{}")

    assert refused.value.is_permanent
    assert receiver.got == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user:pw@hooks.example.com/",
        "https://hooks.example.com/#x",
        "https://hooks.example.com/\r\nX: y",
        "ftp://hooks.example.com/",
        "https://hooks.example.com:x/",
        "",
    ],
)
def test_a_url_that_leads_inside_or_is_none_is_refused_before_anything_is_looked_up(url: str) -> None:
    looked: list[str] = []
    careful = HttpsPoster(look_up=lambda host, _port: looked.append(host) or [])  # type: ignore[func-returns-value] # noted

    with pytest.raises(NotSentError, match="has no usable URL"):
        careful.post("webhook:own", url, b"{}")

    assert looked == []


def test_a_name_that_no_resolver_takes_is_a_fault_for_good() -> None:
    with pytest.raises(NotSentError, match="leads nowhere") as refused:
        HttpsPoster().post("webhook:own", f"https://{'x' * 64}.example.com/", b"{}")

    assert refused.value.is_permanent


def test_a_fault_that_nobody_foresaw_is_one_of_its_channel_and_repeats_nothing(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    class Poster:
        def post(self, whose: str, url: str, body: bytes, headers: Any = None) -> None:  # noqa: ARG002 - of the port
            raise ZeroDivisionError(url)

    name = account.keep("s/slack", url="https://hooks.slack.com/s3cret")
    channels = account.channels(Poster())  # type: ignore[arg-type] # a stand-in
    address = Address(ChannelKind.SLACK, "ops", 1, name)

    with pytest.raises(NotSentError) as refused:
        channels.send(PAGE, Way("slack:ops", (address,)))
    with pytest.raises(NotSentError):
        channels.pagerduty.update_pagerduty(address, "resolve", PAGE.incident_id)

    assert (str(refused.value), refused.value.is_permanent) == ("slack:ops failed (ZeroDivisionError).", False)
    assert [vars(each)["fault"] for each in caplog.records] == ["ZeroDivisionError"] * 2
    assert "s3cret" not in str([vars(each) for each in caplog.records])
