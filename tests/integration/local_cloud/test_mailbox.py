"""SNS e-mail and SMS: who waits for a confirmation, who is filtered, what arrives in the inbox."""

import json
import re
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.devices import client, eventually, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud


class Post:
    """A topic, and what its subscribers are sent."""

    def __init__(self, cloud: "MendedCloud") -> None:
        self.cloud = cloud
        self.sns = client(cloud, "sns")
        self.topic = self.sns.create_topic(Name=unique("topic"))["TopicArn"]

    def subscribe(self, protocol: str, endpoint: str, **attributes: str) -> str:
        answer = self.sns.subscribe(
            TopicArn=self.topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
        )
        return str(answer["SubscriptionArn"])

    def sent_to(self, endpoint: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.cloud.endpoint}/_coldwatch/inbox.json", timeout=10) as answer:
            return [message for message in json.load(answer) if message["to"] == endpoint]

    def token(self, endpoint: str) -> str:
        (mail,) = self.sent_to(endpoint)
        found = re.search(r"Token=(\w+)", mail["text"])
        assert found
        return found[1]

    def attributes(self, arn: str) -> dict[str, str]:
        return dict(self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"])


@pytest.fixture
def post(mended_cloud: "MendedCloud") -> Post:
    return Post(mended_cloud)


def test_a_mail_address_waits_until_its_token_comes_back(post: Post) -> None:
    address = f"{unique('a')}@example.com"
    arn = post.subscribe("email", address)

    post.sns.publish(TopicArn=post.topic, Message="too early")
    listed = post.sns.list_subscriptions_by_topic(TopicArn=post.topic)["Subscriptions"]
    waiting = post.attributes(arn)["PendingConfirmation"]
    post.sns.confirm_subscription(TopicArn=post.topic, Token=post.token(address), AuthenticateOnUnsubscribe="true")
    post.sns.publish(TopicArn=post.topic, Subject="hello", Message="in time")

    assert [each["SubscriptionArn"] for each in listed] == ["PendingConfirmation"]
    assert waiting == "true"
    assert post.attributes(arn)["PendingConfirmation"] == "false"
    assert post.attributes(arn)["ConfirmationWasAuthenticated"] == "true"
    assert [(mail["subject"], mail["text"]) for mail in post.sent_to(address)[1:]] == [("hello", "in time")]


def test_the_link_in_the_mail_confirms_but_authenticates_nobody(post: Post) -> None:
    address = f"{unique('b')}@example.com"
    arn = post.subscribe("email", address)
    (mail,) = post.sent_to(address)
    link = re.search(r"http://\S+", mail["text"])
    assert link

    urllib.request.urlopen(link[0], timeout=10).close()

    assert post.attributes(arn)["PendingConfirmation"] == "false"
    assert post.attributes(arn)["ConfirmationWasAuthenticated"] == "false"


def test_a_message_reaches_only_those_whose_filter_it_passes_and_no_telephone_confirms(post: Post) -> None:
    mine, other = "+4915112345678", "+4915187654321"
    post.subscribe("sms", mine, FilterPolicy='{"contact_id": ["ana"]}')
    post.subscribe("sms", other, FilterPolicy='{"contact_id": ["ben"]}')

    post.sns.publish(
        TopicArn=post.topic,
        Message="for Ana",
        MessageAttributes={"contact_id": {"DataType": "String", "StringValue": "ana"}},
    )

    got = eventually(lambda: post.sent_to(mine))
    assert got
    assert [(sms["protocol"], sms["text"], sms["attributes"]) for sms in got] == [
        ("sms", "for Ana", {"contact_id": "ana"})
    ]
    assert not post.sent_to(other)


def test_the_inbox_is_a_page_that_can_only_be_read(post: Post) -> None:
    post.subscribe("sms", "+4915100000001")
    post.sns.publish(TopicArn=post.topic, Message="<b>http://localhost:1/a/x</b>")

    page = urllib.request.urlopen(f"{post.cloud.endpoint}/_coldwatch/inbox", timeout=10).read().decode()
    request = urllib.request.Request(f"{post.cloud.endpoint}/_coldwatch/inbox", method="POST", data=b"")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)

    assert '&lt;b&gt;<a href="http://localhost:1/a/x"' in page
    assert refused.value.code == 405
    refused.value.close()
