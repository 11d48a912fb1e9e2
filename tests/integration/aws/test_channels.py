"""The channels with their real adapters: what AWS is sent, and what a server that is not ours is sent over HTTPS."""

import datetime as dt
import hashlib
import hmac
import json
import re
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from coldwatch.adapters.channels import AwsChannels, PagerDutyService
from coldwatch.adapters.code_store import DynamoCodeStore
from coldwatch.adapters.event_bus import AllAlerts, BusAlerts, EventBus
from coldwatch.adapters.https_post import HttpsPoster
from coldwatch.adapters.mail import SesMailer
from coldwatch.adapters.notifier import SnsNotifier
from coldwatch.adapters.secret_store import FRESH_S, SecretError, SecretsManagerSecrets
from coldwatch.adapters.send_pace import MOST_PER_SECOND, SendPace
from coldwatch.incidents.channels.signature import PAGE_ID, SIGNATURE, TIMESTAMP
from coldwatch.incidents.channels.ways import SNS, Way
from coldwatch.incidents.contacts import Address, ChannelKind
from coldwatch.incidents.ports import Notification, NotSentError
from tests.integration.aws.stack import REGION

SCHEMAS = Path(__file__).parents[3] / "schemas"
HOST, KEY, NOW_S = "hooks.example.com", "k" * 40, 1_767_225_600
PAGE = Notification(
    "ana",
    "i-1-ana",
    "CRITICAL: Too warm - van",
    "Ana, look.",
    incident_id="5whtkc85ncd62yfbjh1pj114pj",
    round=1,
    severity="critical",
    link="https://page.example/a/s3cret",
    sms="Too warm. Code 908172",
    html="<html>x</html>",
    facts=(("What", "Too warm <b> [x](http://evil) <!channel>"), ("Where", "van")),
)


@dataclass
class Receiver:
    """Somebody's server: what it got, and what it answers."""

    port: int = 0
    status: int = 200
    location: str | None = None
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def receiver(certificate: Path) -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, dict(self.headers.items()), body))
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to the test's output."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def poster(certificate: Path, **changes: Any) -> HttpsPoster:
    """Every name leads to this machine, which is allowed here."""
    own: dict[str, Any] = {"look_up": lambda _host, _port: ["127.0.0.1"], "is_allowed": lambda _address: True}
    return HttpsPoster(**own | {"ca_certs": str(certificate)} | changes)


@dataclass
class Account:
    dynamodb: Any
    sns: Any
    secrets: Any
    events: Any
    topic: str

    def channels(self, sent_by: HttpsPoster | None = None) -> AwsChannels:
        bus = EventBus(self.events, "incidents")
        return AwsChannels(
            SnsNotifier(self.sns, self.topic, SendPace(self.dynamodb, "LinkTable")),
            SesMailer(boto3.client("sesv2", region_name=REGION), "watch@example.com", "coldwatch-test"),
            PagerDutyService(SecretsManagerSecrets(self.secrets), sent_by or HttpsPoster()),
            bus,
            lambda: NOW_S,
        )

    def keep(self, name: str, **secret: str) -> str:
        SecretsManagerSecrets(self.secrets).put(name, secret)
        return name

    def asked(self, client: str, operation: str) -> list[dict[str, Any]]:
        """What a client asks of AWS from now on."""
        found: list[dict[str, Any]] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            found.append(dict(params))

        getattr(self, client).meta.events.register(f"before-parameter-build.{client}.{operation}", note)
        return found


def _client(name: Any) -> Any:
    """Any, because it may be of any service."""
    return boto3.client(name, region_name=REGION)


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        clients: dict[str, Any] = {name: _client(name) for name in ("dynamodb", "sns", "secretsmanager")}
        events = boto3.client("events", region_name=REGION)
        clients["dynamodb"].create_table(
            TableName="LinkTable",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "link_hash", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "link_hash", "KeyType": "HASH"}],
        )
        boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity="watch@example.com")
        boto3.client("sesv2", region_name=REGION).create_configuration_set(ConfigurationSetName="coldwatch-test")
        events.create_event_bus(Name="incidents")
        topic = clients["sns"].create_topic(Name="notifications")["TopicArn"]
        yield Account(clients["dynamodb"], clients["sns"], clients["secretsmanager"], events, topic)


def test_sns_says_it_in_other_words_to_a_telephone(account: Account) -> None:
    way = Way(SNS, (Address(ChannelKind.EMAIL, "a@b.example", 1), Address(ChannelKind.SMS, "+4915112345678", 1)))
    asked = account.asked("sns", "Publish")

    account.channels().send(PAGE, way)

    (sent,) = asked
    assert json.loads(sent["Message"]) == {"default": PAGE.text, "sms": PAGE.sms}
    assert (sent["MessageStructure"], sent["Subject"]) == ("json", PAGE.subject)
    assert sent["MessageAttributes"]["contact_id"]["StringValue"] == "ana"


def test_ses_sends_text_and_html_to_the_contact_alone_with_tags_that_come_back(account: Account) -> None:
    way = Way("ses_email", (Address(ChannelKind.SES_EMAIL, "ana@example.com", 1),))

    message_id = account.channels().send(PAGE, way)

    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert (sent.id, sent.source, sent.destinations["ToAddresses"]) == (
        message_id,
        "watch@example.com",
        ["ana@example.com"],
    )
    assert "unsubscribe" not in str(vars(sent)).lower()


def test_a_sender_that_ses_does_not_know_is_a_fault_for_good(account: Account) -> None:
    mailer = SesMailer(boto3.client("sesv2", region_name=REGION), "other@example.org", "")

    with pytest.raises(NotSentError, match="MessageRejected") as refused:
        mailer.send(PAGE, Way("ses_email", (Address(ChannelKind.SES_EMAIL, "ana@example.com", 1),)))

    assert refused.value.is_permanent
    assert "s3cret" not in str(refused.value)


def test_the_bus_hears_what_becomes_of_an_incident_and_no_link(account: Account) -> None:
    bus, asked = EventBus(account.events, "incidents"), account.asked("events", "PutEvents")
    account.channels().send(PAGE, Way("eventbridge:bus", (Address(ChannelKind.EVENTBRIDGE, "bus", 1),)))
    for event in ("opened", "escalated", "acknowledged", "resolved"):
        BusAlerts(bus).publish("alerts/x/y", {"event": event, "incident_id": "i"})

    heard = [entry for each in asked for entry in each["Entries"]]
    assert [each["DetailType"] for each in heard] == [
        *("ResponderPaged", "IncidentOpened", "IncidentEscalated", "IncidentAcknowledged", "IncidentResolved")
    ]
    assert {(each["EventBusName"], each["Source"]) for each in heard} == {("incidents", "coldwatch")}
    assert "s3cret" not in str(heard)


def test_a_bus_that_is_not_there_is_a_fault(account: Account) -> None:
    class Refusing:
        def put_events(self, **_asked: Any) -> Any:
            return {"Entries": [{"ErrorCode": "ThrottlingException"}], "FailedEntryCount": 1}

    with pytest.raises(NotSentError, match="ThrottlingException"):
        EventBus(Refusing(), "incidents").put("IncidentOpened", {}, "i")  # type: ignore[arg-type] # a stand-in


def test_what_one_listener_does_not_take_the_others_hear() -> None:
    heard: list[str] = []

    class Deaf:
        def publish(self, topic: str, alert: Any) -> None:  # noqa: ARG002 - of the port
            raise NotSentError("deaf")

    class Ear:
        def publish(self, topic: str, alert: Any) -> None:  # noqa: ARG002 - of the port
            heard.append(topic)

    with pytest.raises(NotSentError, match="deaf"):
        AllAlerts((Deaf(), Ear())).publish("t", {})

    assert heard == ["t"]


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


def test_pagerduty_is_triggered_acknowledged_and_resolved_by_the_alerts_key(account: Account) -> None:
    posted: list[tuple[str, dict[str, Any]]] = []

    class Poster:
        def post(self, whose: str, url: str, body: bytes, headers: Any = None) -> None:  # noqa: ARG002 - of the port
            posted.append((url, json.loads(body)))

    name = account.keep("s/pd", routing_key="r" * 32, region="eu")
    address = Address(ChannelKind.PAGERDUTY, "quality", 1, name)
    channels = account.channels(Poster())  # type: ignore[arg-type] # a stand-in
    channels.send(replace(PAGE, alert_key="i/1"), Way("pagerduty:quality", (address,)))
    for action in ("acknowledge", "resolve"):
        channels.pagerduty.update_pagerduty(address, action, "i/1")
    channels.send(PAGE, Way("pagerduty:quality", (address,)))

    assert {url for url, _ in posted} == {"https://events.eu.pagerduty.com/v2/enqueue"}
    assert [(each["event_action"], each["dedup_key"]) for _, each in posted] == [
        *(("trigger", "i/1"), ("acknowledge", "i/1"), ("resolve", "i/1"), ("trigger", PAGE.page_id))
    ]
    event = posted[0][1]
    assert (event["payload"]["severity"], event["links"][0]["href"]) == ("critical", PAGE.link)
    assert set(event["payload"]) >= {"summary", "source", "severity"}


@pytest.mark.parametrize("protocol", [ChannelKind.SLACK, ChannelKind.TEAMS])
def test_a_chat_gets_hostile_text_as_text_and_one_link(
    account: Account, receiver: Receiver, certificate: Path, protocol: ChannelKind
) -> None:
    name = account.keep(f"s/{protocol}", url=f"https://{HOST}:{receiver.port}/chat")

    account.channels(poster(certificate)).send(PAGE, Way(f"{protocol}:ops", (Address(protocol, "ops", 1, name),)))

    ((_, _, body),) = receiver.got
    said = json.loads(body)
    assert body.decode().count("https://page.example/a/s3cret") == 1
    if protocol is ChannelKind.SLACK:
        assert {block["type"] for block in said["blocks"]} == {"header", "section", "actions"}
        assert "<!channel>" not in body.decode()
        assert "mrkdwn" not in body.decode()
    else:
        card = said["attachments"][0]
        assert (said["type"], card["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
        assert {block["type"] for block in card["content"]["body"]} == {"RichTextBlock"}, "TextBlocks read Markdown"


def test_a_secret_that_is_gone_is_a_fault_for_good_and_no_secret_is_ever_told(account: Account) -> None:
    with pytest.raises(NotSentError, match="s/none cannot be read") as refused:
        account.channels().send(PAGE, Way("slack:ops", (Address(ChannelKind.SLACK, "ops", 1, "s/none"),)))

    assert refused.value.is_permanent


def test_a_secret_is_read_once_in_five_minutes(account: Account) -> None:
    now = [0.0]
    secrets = SecretsManagerSecrets(account.secrets, lambda: now[0])
    account.keep("s/a", url="old")
    first = secrets.find("s/a")
    account.secrets.put_secret_value(SecretId="s/a", SecretString='{"url": "new"}')
    now[0] = FRESH_S - 1
    still = secrets.find("s/a")
    now[0] = FRESH_S

    assert (first, still, secrets.find("s/a")) == ({"url": "old"}, {"url": "old"}, {"url": "new"})
    secrets.remove("s/a")
    secrets.remove("s/a")
    with pytest.raises(SecretError) as gone:
        secrets.find("s/a")
    assert gone.value.is_missing


def test_no_more_than_ten_mails_a_second_are_handed_to_sns(account: Account) -> None:
    now, waits = [float(NOW_S) + 0.25], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    pace = SendPace(account.dynamodb, "LinkTable", lambda: now[0], sleep)
    sent_in: dict[int, int] = {}
    for mails in [1] * 9 + [3] * 8:
        pace.take(mails)
        sent_in[int(now[0])] = sent_in.get(int(now[0]), 0) + mails

    assert max(sent_in.values()) <= MOST_PER_SECOND
    assert sum(sent_in.values()) == 33
    assert waits[0] == 0.75


def test_who_waits_too_long_for_the_pace_is_tried_again_later(account: Account) -> None:
    pace = SendPace(account.dynamodb, "LinkTable", lambda: float(NOW_S), lambda _seconds: None, patience_s=0)
    pace.take(10)

    with pytest.raises(NotSentError, match="Too many mails") as refused:
        pace.take(1)

    assert not refused.value.is_permanent


def test_a_counter_that_cannot_be_kept_keeps_nobody_waiting_or_from_being_told(account: Account) -> None:
    waits: list[float] = []

    SendPace(account.dynamodb, "NoTable", lambda: float(NOW_S), waits.append).take(1)

    assert waits == []


class Atomic:
    """moto's DynamoDB, each call of which is whole before the next, as AWS has it and moto's threads do not."""

    def __init__(self, client: Any) -> None:
        self.client, self.lock = client, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            with self.lock:
                return getattr(self.client, name)(**asked)

        return call


def test_tries_at_one_moment_are_counted_one_by_one(account: Account) -> None:
    store = DynamoCodeStore(Atomic(account.dynamodb), "LinkTable")  # type: ignore[arg-type] # a stand-in

    def attempt(_number: int) -> bool:
        return store.try_once("incident#X", most=5, within_ms=900_000, now_ms=NOW_S * 1000)

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(attempt, range(12)))

    assert taken.count(True) == 5
    store.give_back("incident#X")
    assert [attempt(0), attempt(0)] == [True, False]
    assert store.try_once("incident#X", most=5, within_ms=900_000, now_ms=NOW_S * 1000 + 900_000)


def test_a_code_stands_for_one_link(account: Account) -> None:
    store = DynamoCodeStore(account.dynamodb, "LinkTable")

    assert store.put("h", "link-1", forget_at=NOW_S * 1000)
    assert not store.put("h", "link-2", forget_at=NOW_S * 1000)
    assert (store.find("h"), store.find("other")) == ("link-1", None)


def test_a_throttled_mail_is_tried_again_later() -> None:
    class Busy:
        def send_email(self, **_asked: Any) -> Any:
            error = {"Error": {"Code": "TooManyRequestsException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
            raise ClientError(error, "SendEmail")  # type: ignore[arg-type] # what matters of it

    with pytest.raises(NotSentError) as refused:
        SesMailer(Busy(), "a@b.example", "").send(PAGE, Way("ses_email", (Address(ChannelKind.SES_EMAIL, "x@y.z", 1),)))

    assert not refused.value.is_permanent
