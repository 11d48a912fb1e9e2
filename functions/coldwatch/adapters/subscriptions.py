"""Subscriptions of the notification topic, in SNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from coldwatch.incidents.contacts import Address, Subscription, filter_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sns import SNSClient

_WITHOUT_ARN = {"PendingConfirmation", "Deleted"}


class TokenError(Exception):
    """A confirmation token that SNS does not take."""


@dataclass(frozen=True, slots=True)
class SnsSubscriptions:
    client: SNSClient
    topic_arn: str

    def subscribe(self, contact_id: str, address: Address) -> None:
        """Again is as good as once; a mail address is asked for its confirmation each time, until it is given."""
        self.client.subscribe(
            TopicArn=self.topic_arn,
            Protocol=address.protocol.value,
            Endpoint=address.endpoint,
            Attributes={"FilterPolicy": filter_policy(contact_id), "FilterPolicyScope": "MessageAttributes"},
        )

    def confirm(self, token: str) -> str:
        """The confirmed subscription; only who signs in to AWS can end it by a link. Raises TokenError."""
        try:
            answer = self.client.confirm_subscription(
                TopicArn=self.topic_arn, Token=token, AuthenticateOnUnsubscribe="true"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in {"InvalidParameter", "InvalidParameterException", "NotFound"}:
                raise TokenError from error
            raise
        return answer["SubscriptionArn"]

    def end(self, address: Address) -> None:
        """Unsubscribe an address. One that waits for its confirmation ends by itself after two days."""
        for each in self.all():
            if each.arn and (each.protocol, each.endpoint) == (address.protocol.value, address.endpoint):
                self.client.unsubscribe(SubscriptionArn=each.arn)

    def all(self) -> Iterator[Subscription]:
        pages = self.client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic_arn)
        for page in pages:
            for each in page["Subscriptions"]:
                yield self._described(each["SubscriptionArn"], each["Protocol"], each["Endpoint"])

    def _described(self, arn: str, protocol: str, endpoint: str) -> Subscription:
        if arn in _WITHOUT_ARN:
            return Subscription(protocol, endpoint, None)
        attributes = self.client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        if attributes.get("PendingConfirmation") == "true":
            return Subscription(protocol, endpoint, None)
        return Subscription(
            protocol, endpoint, arn, attributes.get("FilterPolicy"), attributes.get("FilterPolicyScope")
        )
