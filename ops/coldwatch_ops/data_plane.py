"""The client of AWS IoT Events' data plane, for Coldwatch's. For programs of yours that have an old boto3.

The current boto3 has no `iotevents-data` any more; 1.40 has. This module needs nothing else: it may be copied into a
program as it stands.

    client = iotevents_data_client("https://abc.lambda-url.eu-west-1.on.aws/")
    client.batch_put_message(messages=[{"messageId": "1", "inputName": "telemetry", "payload": b'{"temp_c": 4}'}])

A function URL wants its requests signed for the service `lambda`; the client would sign them for its own.
"""

import re
from typing import Any

import boto3

_REGION = re.compile(r"\.lambda-url\.([a-z0-9-]+)\.on\.aws")


def iotevents_data_client(endpoint_url: str, *, session: Any = None, **options: Any) -> Any:
    """The client for the function URL that the stack's output `DataPlaneUrl` tells.

    `session` is a boto3.Session, for credentials that are not the default ones; `options` are those of
    `Session.client`. The region is the URL's, where it names one.
    """
    found = _REGION.search(endpoint_url)
    if found:
        options.setdefault("region_name", found.group(1))
    client = (session or boto3).client("iotevents-data", endpoint_url=endpoint_url.rstrip("/"), **options)
    client.meta.events.register("before-sign.iot-events-data", _sign_for_lambda)
    return client


def _sign_for_lambda(request: Any, **_more: Any) -> None:
    request.context.setdefault("signing", {})["signing_name"] = "lambda"
