"""Subscriptions of the notification topic, in SNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from coldwatch.incidents.contacts import (
    OF_SNS,
    Address,
    Contact,
    Subscription,
    filter_policy,
    is_left_over,
    is_of,
    must_be_replaced,
    told_as,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_sns import SNSClient

_PENDING, _DELETED = "PendingConfirmation", "Deleted"
"""What stands in a list instead of an ARN."""
_WAITS = "pending confirmation"
"""What stands in the answer to a subscription instead of an ARN."""


class TokenError(Exception):
    """A confirmation token that SNS does not take."""


@dataclass(frozen=True, slots=True)
class SnsSubscriptions:
    client: SNSClient
    topic_arn: str

    def tend(self, contact: Contact) -> set[str]:
        """Subscribe a contact's addresses, and nothing else for it; those that wait for a confirmation. Again is as
        good as once, wherever it was ended; a mail address is asked to confirm each time, until it has.
        """
        listed = list(self.all())
        self._end(each for each in listed if must_be_replaced(each, contact))
        own = [each for each in contact.addresses if each.protocol in OF_SNS]
        waiting = {each.endpoint for each in own if self._subscribe(told_as(contact, each), each) == _WAITS}
        self._end(each for each in listed if is_left_over(each, contact))
        return waiting

    def end(self, contact: Contact) -> None:
        """Unsubscribe a contact. What waits for its confirmation has no name yet, and ends by itself after two days."""
        self._end(each for each in list(self.all()) if is_of(each, contact))

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

    def all(self) -> Iterator[Subscription]:
        pages = self.client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic_arn)
        for page in pages:
            for each in page["Subscriptions"]:
                if found := self._described(each["SubscriptionArn"], each["Protocol"], each["Endpoint"]):
                    yield found

    def endpoint_of(self, arn: str) -> str | None:
        """None for one that has ended since."""
        try:
            return self.client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["Endpoint"]
        except self.client.exceptions.NotFoundException:
            return None

    def _subscribe(self, contact_id: str, address: Address) -> str:
        answer = self.client.subscribe(
            TopicArn=self.topic_arn,
            Protocol=address.protocol.value,
            Endpoint=address.endpoint,
            Attributes={"FilterPolicy": filter_policy(contact_id), "FilterPolicyScope": "MessageAttributes"},
        )
        return answer["SubscriptionArn"]

    def _end(self, subscriptions: Iterable[Subscription]) -> None:
        for each in subscriptions:
            if each.arn:
                self.client.unsubscribe(SubscriptionArn=each.arn)

    def _described(self, arn: str, protocol: str, endpoint: str) -> Subscription | None:
        """None for one that ended since it was listed."""
        if arn == _DELETED:
            return None
        if arn == _PENDING:
            return Subscription(protocol, endpoint, None)
        try:
            attributes = self.client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        except self.client.exceptions.NotFoundException:
            return None
        if attributes.get("PendingConfirmation") == "true":
            return Subscription(protocol, endpoint, None)
        return Subscription(
            protocol,
            endpoint,
            arn,
            attributes.get("FilterPolicy"),
            attributes.get("FilterPolicyScope"),
            attributes.get("ConfirmationWasAuthenticated") != "false",
        )
