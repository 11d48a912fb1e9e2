"""Lambda: incident page. Trigger: its function URL. Writes: nothing on GET and HEAD; on POST how often was tried and
the incident, with an event (DynamoDB). Wakes its workflow (Step Functions); has commands sent (SendCommandFunction).
"""

import base64
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from coldwatch.adapters.attempt_count import DynamoAttempts
from coldwatch.adapters.clients import dynamodb_client, lambda_client, s3_client, secrets_client, step_functions_client
from coldwatch.adapters.code_store import DynamoCodeStore
from coldwatch.adapters.command_sender import LambdaCommands
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.every_channel import code_key
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.adapters.report_files import S3Reports
from coldwatch.adapters.secret_store import SecretsManagerSecrets
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.pages import answers
from coldwatch.incidents.pages.document import HEADERS
from coldwatch.settings import IncidentPageSettings
from incident_page.by_code import ByCode
from incident_page.requests import read
from incident_page.routes import File, Page, route
from incident_page.tools import Tools


@cache
def tools() -> Tools:
    own, dynamodb = IncidentPageSettings.from_env(), dynamodb_client()
    incidents, links = DynamoIncidentStore(dynamodb, own.incident_table), DynamoLinkStore(dynamodb, own.link_table)
    key = code_key(SecretsManagerSecrets(secrets_client()), own.code_key_secret)
    return Tools(
        incidents=incidents,
        links=links,
        contacts=DynamoContactStore(dynamodb, own.contact_table),
        readings=DynamoReadingHistory(dynamodb, own.reading_table),
        waiting=StepFunctionsWaiting(step_functions_client(), incidents),
        commands=LambdaCommands(lambda_client(), own.send_command_function),
        codes=ByCode(DynamoCodeStore(dynamodb, own.link_table), links, key),
        attempts=DynamoAttempts(dynamodb, own.attempt_table),
        reports=S3Reports(s3_client(), own.evidence_bucket),
        page_base_url=own.page_base_url,
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """No path, body or header goes to the log: they hold the link."""
    try:
        request = read(event)
    except ValueError:
        return response(answers.wrong_form(400), is_head=False)
    page, headers = route(request, tools(), now_ms=time.time_ns() // 1_000_000)
    return response(page, is_head=request.method == "HEAD", more=headers)


def response(page: Page, *, is_head: bool, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """As a function URL wants it: text as it is, a file in base64."""
    headers = {**HEADERS, **(more or {})}
    if isinstance(page, File):
        headers |= {"content-type": "application/pdf", "content-disposition": f'attachment; filename="{page.name}"'}
        content = "" if is_head else base64.b64encode(page.content).decode()
        return {"statusCode": page.status, "headers": headers, "body": content, "isBase64Encoded": True}
    return {"statusCode": page.status, "headers": headers, "body": "" if is_head else page.html}
