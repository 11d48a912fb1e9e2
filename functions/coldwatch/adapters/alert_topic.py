"""Alerts to machines over MQTT."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.incidents.alerts import is_for_machines
from coldwatch.incidents.ports import NotSentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_iot_data import IoTDataPlaneClient


@dataclass(frozen=True, slots=True)
class IotAlertTopic:
    """`ports.AlertTopic`. `prefix` is the stage's, with its slash, or empty."""

    client: IoTDataPlaneClient
    prefix: str

    def publish(self, topic: str, alert: Mapping[str, Any]) -> None:
        if not is_for_machines(alert):
            return
        try:
            self.client.publish(topic=f"{self.prefix}{topic}", qos=1, payload=json.dumps(alert).encode())
        except (BotoCoreError, ClientError) as error:
            raise NotSentError(f"AWS IoT did not take the alert: {error}.") from error
