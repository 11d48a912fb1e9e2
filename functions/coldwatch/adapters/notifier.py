"""Messages to responders through SNS: one publish per responder, let through by the filter of that contact alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.incidents.ports import NotSentError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

    from coldwatch.adapters.send_pace import SendPace
    from coldwatch.incidents.channels.ways import Way
    from coldwatch.incidents.ports import Notification

_FOR_GOOD = frozenset({"InvalidParameter", "InvalidParameterValue", "NotFound", "AuthorizationError"})


@dataclass(frozen=True, slots=True)
class SnsNotifier:
    """A mail and a text message, each in its own words, go by one publish."""

    client: SNSClient
    topic_arn: str
    pace: SendPace | None = None

    def send(self, notification: Notification, way: Way) -> str:
        if self.pace:
            self.pace.take(way.mails)
        attributes = {"contact_id": notification.contact_id, "page_id": notification.page_id}
        try:
            answer = self.client.publish(
                TopicArn=self.topic_arn,
                Subject=notification.subject,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
                **_message(notification),
            )
        except (BotoCoreError, ClientError) as error:
            # Neither names the message, whose link is a secret.
            is_permanent = isinstance(error, ClientError) and error.response["Error"]["Code"] in _FOR_GOOD
            raise NotSentError(f"SNS did not take it: {error}.", is_permanent=is_permanent) from error
        return answer["MessageId"]


def _message(notification: Notification) -> dict[str, Any]:
    if not notification.sms:
        return {"Message": notification.text}
    by_protocol = {"default": notification.text, "sms": notification.sms}
    return {"Message": json.dumps(by_protocol), "MessageStructure": "json"}
