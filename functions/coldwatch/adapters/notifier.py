"""Messages to responders through SNS: one publish per responder, let through by the filter of that contact alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.incidents.ports import Notification, NotSentError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


@dataclass(frozen=True, slots=True)
class SnsNotifier:
    """`ports.Notifier`."""

    client: SNSClient
    topic_arn: str

    def send(self, notification: Notification) -> str:
        attributes = {"contact_id": notification.contact_id, "page_id": notification.page_id}
        try:
            answer = self.client.publish(
                TopicArn=self.topic_arn,
                Subject=notification.subject,
                Message=notification.text,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except (BotoCoreError, ClientError) as error:
            # Neither names the message, whose link is a secret.
            raise NotSentError(f"SNS did not take it: {error}.") from error
        return answer["MessageId"]
