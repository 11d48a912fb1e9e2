"""What is done to a subscription is allowed on its topic, as on AWS: IAM knows no resource of that kind in SNS.

MiniStack asks for the subscription's own ARN, which a statement that names the topic does not allow.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

import re
from typing import Any

from ministack.core import iam_actions

from local.cloud.upstream import Upstream

WRAPS = (Upstream("ministack.core.iam_actions:extract_resource_arn", "82f51700695c62fd"),)

_SUBSCRIPTION = re.compile(r"(arn:[^:]*:sns:[^:]*:[^:]*:[^:]+):[^:]+")


def install() -> None:
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, *given: Any, **named: Any) -> Any:
        found = extract(service, *given, **named)
        return topic_of(found) if service == "sns" and isinstance(found, str) else found

    iam_actions.extract_resource_arn = extract_resource_arn


def topic_of(arn: str) -> str:
    """The topic of a subscription; any other ARN as it is.

    >>> topic_of("arn:aws:sns:eu-west-1:000000000000:pages:1f2e"), topic_of("arn:aws:sns:eu-west-1:000000000000:pages")
    ('arn:aws:sns:eu-west-1:000000000000:pages', 'arn:aws:sns:eu-west-1:000000000000:pages')
    """
    found = _SUBSCRIPTION.fullmatch(arn)
    return found[1] if found else arn
