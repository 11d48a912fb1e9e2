"""The request topics of things, by the broker's HTTP side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_iot_data import IoTDataPlaneClient


@dataclass(frozen=True, slots=True)
class IotCommandTopic:
    """`ports.CommandTopic`, QoS 1. `prefix` is the stage's topic prefix with its slash, or empty."""

    client: IoTDataPlaneClient
    prefix: str

    def publish(self, thing: str, request: Mapping[str, Any], *, lifetime_s: int) -> None:
        """With an expiry, after which the broker drops it from the queue of a session whose device is away."""
        self.client.publish(
            topic=f"{self.prefix}cmd/{thing}/request",
            qos=1,
            payload=json.dumps(request, separators=(",", ":")).encode(),
            contentType="application/json",
            messageExpiry=lifetime_s,
        )
