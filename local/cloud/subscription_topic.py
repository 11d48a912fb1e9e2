"""What is done to a subscription is allowed on its topic, as on AWS.

`sns:Unsubscribe` and `sns:GetSubscriptionAttributes` are allowed by a statement that names the topic: SNS says so when
it denies them ("... is not authorized to perform: SNS:Unsubscribe on resource: arn:aws:sns:...:topic"), though the
Service Authorization Reference lists no resource for either. MiniStack finds no topic in such a request, which names
the subscription alone, and asks for `*`: a role that names its topic does not allow that.
"""

from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions

from local.cloud.upstream import Upstream

WRAPS = (Upstream("ministack.core.iam_actions:extract_resource_arn", "82f51700695c62fd"),)


def install() -> None:
    """Wraps what the mends before it have put in place."""
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> Any:
        found = extract(service, method, path, headers, body, *more)
        return topic_of(body) or found if service == "sns" and found == "*" else found

    iam_actions.extract_resource_arn = extract_resource_arn


def topic_of(body: bytes) -> str:
    """The topic of the subscription that a request's form names: all of its ARN but the last part."""
    named = parse_qs(body.decode(errors="replace")).get("SubscriptionArn", [""])[0]
    topic, _, _ = named.rpartition(":")
    return topic if topic.startswith("arn:") and topic.count(":") == 5 else ""
