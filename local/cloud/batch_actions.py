"""A batch of an SQS action is allowed by the action itself, as on AWS.

IAM knows no `sqs:SendMessageBatch`: who may SendMessage may send ten at once, and likewise for deleting and for
changing visibility. MiniStack asks for an action of the request's own name, which no role that works on AWS has.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
"""

from typing import Any

from ministack.core import iam_actions

from local.cloud.upstream import Upstream

WRAPS = (Upstream("ministack.core.iam_actions:extract_iam_action", "ec476b92d969822b"),)

BATCHES = {f"sqs:{name}Batch": f"sqs:{name}" for name in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")}


def install() -> None:
    extract = iam_actions.extract_iam_action

    def extract_iam_action(*given: Any, **named: Any) -> Any:
        action = extract(*given, **named)
        return BATCHES.get(action, action) if isinstance(action, str) else action

    iam_actions.extract_iam_action = extract_iam_action
