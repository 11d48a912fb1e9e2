"""Tells people and programs where the local cloud is: `endpoints.json` and the certificate authority beside it."""

import json
import urllib.request
from typing import Any

from local.deployment import STACK_NAME
from local.places import Places
from local.process import REGION, Running


def write(places: Places, cloud: Running) -> dict[str, Any]:
    """Write both files; the command's `--local` and the simulator read them."""
    with urllib.request.urlopen(f"{cloud.endpoint_url}/_ministack/iot/ca.pem", timeout=10) as answer:
        places.certificate_authority.write_bytes(answer.read())
    endpoints = {
        "endpoint_url": cloud.endpoint_url,
        # The name in the broker's certificate; it resolves to loopback.
        "mqtt_host": "localhost",
        "mqtt_port": cloud.mqtt_port,
        "ca_file": str(places.certificate_authority),
        "region": REGION,
        "stack_name": STACK_NAME,
        "inbox_file": str(places.inbox),
        "inbox_url": f"{cloud.endpoint_url}/_coldwatch/inbox",
    }
    places.endpoints_file.write_text(json.dumps(endpoints, indent=2) + "\n")
    return endpoints
