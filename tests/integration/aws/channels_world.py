"""An account with what channels use, a page to send, and somebody's server over HTTPS."""

import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto import mock_aws

from coldwatch.adapters.channels import AwsChannels, PagerDutyService
from coldwatch.adapters.event_bus import EventBus
from coldwatch.adapters.https_post import HttpsPoster
from coldwatch.adapters.mail import SesMailer
from coldwatch.adapters.notifier import SnsNotifier
from coldwatch.adapters.secret_store import SecretsManagerSecrets
from coldwatch.adapters.send_pace import SendPace
from coldwatch.incidents.ports import Notification
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
