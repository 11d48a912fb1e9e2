"""The incident page with its real adapters: what it writes where, and that no secret of a link gets out of it.

Everything that a function may give away is looked through: its log on every level, its tables, and what is printed.
"""

import base64
import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.stub import ANY, Stubber

from coldwatch.adapters import clients
from coldwatch.adapters.attempt_count import DynamoAttempts
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.items import to_item
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.adapters.report_files import S3Reports
from coldwatch.incidents import lifecycle
from coldwatch.incidents.identity import link_hash, link_secret
from coldwatch.incidents.incident import EventType, Page, Status
from coldwatch.incidents.links import LIFETIME_MS, Link
from coldwatch.incidents.paging import page_event
from incident_page import handler as incident_page
from tests.integration.aws.incident_world import create_tables
from tests.integration.aws.stack import REGION, AwsStack
from tests.unit.incidents.builders import NOW, incident

BUCKET = "evidence"
SECRET, FORGED = link_secret(bytes(range(16))), link_secret(bytes([7] * 16))
TOKEN = "task-token-that-nobody-may-see"
MADE = incident(round=1, tier=1, step=1, deadline_at=NOW + 60_000)
TABLES = ("IncidentTable", "LinkTable", "ContactTable", "ReadingTable", "AttemptTable")


@dataclass
class Said:
    """All that came out of the page while it was used."""

    log: io.StringIO = field(default_factory=io.StringIO)
    usual: io.StringIO = field(default_factory=io.StringIO)
    """The log without the level on which the AWS client tells each byte that it reads: that is never on."""
    output: io.StringIO = field(default_factory=io.StringIO)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def outside_of_answers(self) -> str:
        return self.log.getvalue() + self.output.getvalue()


@pytest.fixture
def stack(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStack]:
    create_tables(aws.dynamodb)
    aws.dynamodb.create_table(
        TableName="AttemptTable",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "subject", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "subject", "KeyType": "HASH"}],
    )
    place: Any = {"LocationConstraint": REGION}
    boto3.client("s3", region_name=REGION).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    for name in TABLES:
        monkeypatch.setenv(name.replace("Table", "_table").upper(), name)
    monkeypatch.setenv("EVIDENCE_BUCKET", BUCKET)
    monkeypatch.setenv("CODE_KEY_SECRET", "code-key")
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="code-key", SecretString="key")
    monkeypatch.setenv("SEND_COMMAND_FUNCTION", "send_command")
    monkeypatch.setenv("PAGE_BASE_URL", "")
    _forget()
    yield aws
    _forget()


def _forget() -> None:
    """Clients and tools belong to one test."""
    incident_page.tools.cache_clear()
    for made in (
        clients.dynamodb_client,
        clients.s3_client,
        clients.lambda_client,
        clients.step_functions_client,
        clients.secrets_client,
    ):
        made.cache_clear()


@pytest.fixture
def told(stack: AwsStack) -> AwsStack:
    store = DynamoIncidentStore(stack.dynamodb, "IncidentTable")
    store.open(MADE, lifecycle.opened(MADE, "Too warm."))
    store.keep_token(MADE, TOKEN)
    made = Link(link_hash(SECRET) or "", MADE.incident_id, "ana", 1, 1, NOW, NOW * 2 + LIFETIME_MS)
    DynamoLinkStore(stack.dynamodb, "LinkTable").put(made)
    ana: Any = {"contact_id": "ana", "name": "Ana Silva", "addresses": "[]"}
    stack.dynamodb.put_item(TableName="ContactTable", Item=to_item(ana))
    return stack


@pytest.fixture
def said() -> Iterator[Said]:
    """Logs of every library on every level, and whatever is printed."""
    found, root = Said(), logging.getLogger()
    listeners, level = (logging.StreamHandler(found.log), logging.StreamHandler(found.usual)), root.level
    listeners[1].setLevel(logging.INFO)
    for listener in listeners:
        root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(found.output), redirect_stderr(found.output):
            yield found
    finally:
        for listener in listeners:
            root.removeHandler(listener)
        root.setLevel(level)


def ask(said: Said, method: str, path: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"host": "page.example", "origin": "https://page.example", "referer": f"https://page.example/a/{SECRET}"}
    event = {
        "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.7", "path": path}},
        "rawPath": path,
        "headers": headers | {"content-type": "application/x-www-form-urlencoded"},
        "body": urlencode(fields or {}),
    }
    answer = incident_page.handler(event, None)
    said.answers.append(answer)
    return answer


def kept(stack: AwsStack) -> str:
    return json.dumps([stack.dynamodb.scan(TableName=name)["Items"] for name in TABLES], sort_keys=True)


def test_get_and_head_leave_every_table_byte_for_byte_as_it_was(told: AwsStack, said: Said) -> None:
    before = kept(told)

    for method in ("GET", "HEAD") * 20:
        assert ask(said, method, f"/a/{SECRET}")["statusCode"] == 200
        assert ask(said, method, f"/a/{SECRET}/report.pdf")["statusCode"] == 404
        assert ask(said, method, "/act")["statusCode"] == 405
        assert ask(said, method, "/code")["statusCode"] == 200

    assert kept(told) == before


def test_no_secret_of_a_link_and_no_task_token_is_anywhere_but_in_the_pages_own_answer(
    told: AwsStack, said: Said
) -> None:
    workflow = clients.step_functions_client()
    with Stubber(workflow) as heard:
        heard.add_response("send_task_success", {}, {"taskToken": TOKEN, "output": ANY})
        for secret in (SECRET, FORGED):
            ask(said, "GET", f"/a/{secret}")
            ask(said, "GET", f"/a/{secret}/report.pdf")
            ask(said, "POST", f"/a/{secret}", {"link": secret, "action": "acknowledge"})
            ask(said, "POST", "/act", {"link": secret, "action": "acknowledge"})
            ask(said, "POST", "/act", {"link": secret, "action": "destroy"})
            assert ask(said, "POST", "/code", {"incident": "P9F8Z0", "code": "123456"})["statusCode"] == 403
        heard.assert_no_pending_responses()

    assert DynamoIncidentStore(told.dynamodb, "IncidentTable").find(MADE.incident_id).acknowledged_by == "ana"  # type: ignore[union-attr] # it is there
    outside = said.outside_of_answers()
    assert "link answered" in outside, "there is a log that could hold it"
    for secret in (SECRET, FORGED):
        assert secret not in outside
        assert secret not in kept(told)
    assert all(TOKEN not in json.dumps(answer) for answer in said.answers)
    assert TOKEN not in said.usual.getvalue() + said.output.getvalue()
    assert "192.0.2.7" not in kept(told), "nor is anybody's address"


def test_a_fault_of_ours_gives_no_secret_away(told: AwsStack, said: Said) -> None:
    told.dynamodb.delete_table(TableName="IncidentTable")

    with pytest.raises(Exception, match="ResourceNotFoundException") as fault:
        ask(said, "POST", "/act", {"link": SECRET, "action": "acknowledge"})

    assert SECRET not in str(fault.value) + said.outside_of_answers()


@pytest.mark.parametrize("contact_id", ["", "ben"], ids=["nobody", "an-entry-that-cannot-be-read"])
def test_who_has_no_name_costs_nobody_the_page(told: AwsStack, said: Said, contact_id: str) -> None:
    told.dynamodb.put_item(
        TableName="ContactTable", Item=to_item({"contact_id": "ben", "name": "Ben", "addresses": "not json"})
    )
    page = Page(MADE.incident_id, 1, 1, contact_id, NOW, is_sent=False, failure="out of reach")
    store = DynamoIncidentStore(told.dynamodb, "IncidentTable")
    assert store.keep_page(page, page_event(page, EventType.PAGE_FAILED, "Could not be told.", MADE))

    assert ask(said, "GET", f"/a/{SECRET}")["statusCode"] == 200


def test_tries_are_counted_by_span_of_time_and_forgotten(stack: AwsStack) -> None:
    attempts = DynamoAttempts(stack.dynamodb, "AttemptTable")

    counted = [attempts.add(who, window_s=600, now_ms=NOW + at) for who, at in (("a", 0), ("a", 1), ("b", 2))]
    later = attempts.add("a", window_s=600, now_ms=NOW + 600_000)

    assert (counted, later) == ([1, 2, 1], 1)
    items = stack.dynamodb.scan(TableName="AttemptTable")["Items"]
    assert len(items) == 3
    assert all(int(item["forget_at"]["N"]) > NOW // 1000 for item in items)
    assert all(len(item["subject"]["S"]) == 64 for item in items)


def test_a_report_is_sent_as_it_is_kept(told: AwsStack, said: Said) -> None:
    store, s3 = DynamoIncidentStore(told.dynamodb, "IncidentTable"), boto3.client("s3", region_name=REGION)
    over = lifecycle.resolve(MADE, who="ana", resolution="by ana", note=None, now_ms=NOW)
    assert over
    assert store.apply(over)
    noted = lifecycle.note(over.after, over.after, EventType.RECORDED, "The record is kept.", now_ms=NOW)
    assert store.apply(replace(noted, after=replace(noted.after, recorded_at=NOW)))
    s3.put_object(Bucket=BUCKET, Key=f"incidents/{MADE.incident_id}/report.pdf", Body=b"%PDF-1.7")

    answer = ask(said, "GET", f"/a/{SECRET}/report.pdf")

    assert base64.b64decode(answer["body"]) == b"%PDF-1.7"
    assert answer["isBase64Encoded"]
    assert S3Reports(s3, BUCKET).find("another") is None
    found = store.find(MADE.incident_id)
    assert found is not None
    assert found.status is Status.RESOLVED
