"""The metric of responses that were not taken, in CloudWatch's embedded metric format.

Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".
"""

from typing import Any

NAMESPACE = "Coldwatch"
REJECTED_RESPONSES = "CommandResponsesRejected"


def rejected_response(*, stage: str, now_ms: int) -> dict[str, Any]:
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [["stage"]],
        "Metrics": [{"Name": REJECTED_RESPONSES, "Unit": "Count"}],
    }
    return {
        "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [definition]},
        "stage": stage,
        REJECTED_RESPONSES: 1,
    }
