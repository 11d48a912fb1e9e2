"""The CloudWatch metrics of topic rules, counted per message and recorded once a second.

https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html (rule metrics, rule action metrics)
"""

import asyncio
from collections import Counter

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

FLUSH_EVERY_S = 1.0
_NAMESPACE = "AWS/IoT"

type _Key = tuple[str, str, str, str, str]
"""(account, region, metric, rule, action type or "")"""

_counts: Counter[_Key] = Counter()
_flush: asyncio.TimerHandle | None = None


def count(account_id: str, region: str, metric: str, rule: str, action_type: str = "") -> None:
    """Add one to a rule's metric. Called on the event loop; costs a dictionary update."""
    global _flush  # noqa: PLW0603 - one timer for the process, started by the first count after a flush
    _counts[account_id, region, metric, rule, action_type] += 1
    if _flush is None:
        _flush = asyncio.get_running_loop().call_later(FLUSH_EVERY_S, flush)


def flush() -> None:
    """Record what was counted since the last time: one data point, a sum, for each metric and its dimensions."""
    global _flush  # noqa: PLW0603 - as above
    _flush = None
    counted = dict(_counts)
    _counts.clear()
    for (account_id, region, metric, rule, action_type), total in counted.items():
        dimensions = {"RuleName": rule} | ({"ActionType": action_type} if action_type else {})
        with request_scope(account_id, region):
            cloudwatch.record_metric(_NAMESPACE, metric, total, "Count", dimensions)
