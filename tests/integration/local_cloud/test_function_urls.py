"""A function URL's address answers, and its events are as AWS documents them."""

import io
import json
import urllib.request
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.local_cloud.devices import Roles, client, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""


def test_the_address_answers_and_the_event_names_it_as_its_host(mended_cloud: "MendedCloud") -> None:
    lambda_, packed, name = client(mended_cloud, "lambda"), io.BytesIO(), unique("page")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", ECHO)
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=Roles(mended_cloud).create(service="lambda.amazonaws.com"),
        Handler="handler.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    made = lambda_.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    lambda_.add_permission(
        FunctionName=name,
        StatementId="world",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )

    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://localhost"}
    request = urllib.request.Request(f"{made}a/b?c=d", b"link=x", form)
    with urllib.request.urlopen(request, timeout=30) as answer:
        event = json.load(answer)

    assert made == lambda_.get_function_url_config(FunctionName=name)["FunctionUrl"]
    assert made.startswith(f"{mended_cloud.endpoint.replace('127.0.0.1', 'localhost')}/")
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/a/b", "c=d")
    assert event["requestContext"]["http"]["method"] == "POST"
    assert (event["body"], event["isBase64Encoded"]) in (("link=x", False), ("bGluaz14", True))
    assert event["headers"]["origin"] == "http://localhost"
    assert event["headers"]["host"] == event["requestContext"]["domainName"]
    assert made.startswith(f"http://{event['headers']['host']}/")
