"""The metrics and alarms that upstream lacks.

Embedded metrics in the log lines of functions, the depth of queues, the iterator age of event sources, and alarms that
look at their own metric alone: exactly its dimensions, period by period, missing data treated as configured, and
evaluated whenever one of their metrics gets a value.

One thing differs from AWS: periods end now instead of on the minute, so that an alarm answers at once.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch, lambda_svc, sqs

from local.cloud.metrics_logic import (
    COMPARISONS,
    EXTRA_PERIODS,
    PAST_S,
    Gauges,
    Missing,
    State,
    alarm_state,
    embedded_metrics,
)
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.cloudwatch:_evaluate_alarm", "a0b0acd3d432b711"),
    Upstream("ministack.services.cloudwatch:_evaluate_all_alarms", "f83f88e57f1ccfc9"),
    Upstream("ministack.services.cloudwatch:_evict_old_metrics", "cf47bc1522ad839b"),
    Upstream("ministack.services.cloudwatch:record_metric", "7f777bfbe523a0c5"),
    Upstream("ministack.services.cloudwatch:_store_datum", "e0194e701d568f0d"),
    Upstream("ministack.services.cloudwatch:_metric_bucket", "be62c5f1548dc00e"),
    Upstream("ministack.services.cloudwatch:_calc_stats", "889e1bfc89dc8f3a"),
    Upstream("ministack.services.cloudwatch:_stat_value", "cfaad95982333379"),
    Upstream("ministack.services.cloudwatch:_record_history", "c5890b06e5c82d3d"),
    Upstream("ministack.services.cloudwatch:_dispatch_alarm_actions", "fcf47c0d1e6ec4a0"),
    Upstream("ministack.services.cloudwatch:_evaluate_parent_alarms", "24a65a9e43d5d488"),
    Upstream("ministack.services.lambda_svc:_emit_lambda_logs", "111efbf06968bb20"),
    Upstream("ministack.services.lambda_svc:_execute_function_dispatch", "f62cd259213ecef7"),
    Upstream("ministack.services.cloudwatch:_dims_key", "a304eb3ef986fb56"),
    Upstream("ministack.services.sqs:_refresh_counts", "5d0fb7b342d2d050"),
)

ARRIVALS_S = 0.5
"""How long after a metric got a value its alarms are evaluated."""
GAUGES_S = 5.0
"""How often queues and iterators are looked at, and alarms whose data may have gone."""
MOST_STRAYS = 100
"""Values are stored as they come: so many old ones in a row, and there are no recent ones before them."""

logger = logging.getLogger("coldwatch.metrics")

type Scope = tuple[str, str]
type Point = dict[str, Any]

_deciding = threading.Lock()
_arrived: set[Scope] = set()
_has_arrived = threading.Event()


def install() -> None:
    cloudwatch._evaluate_alarm = evaluate_alarm  # noqa: SLF001 - the mend
    cloudwatch._evict_old_metrics = evict_old_metrics  # noqa: SLF001 - the mend
    cloudwatch._metric_bucket = _noting_arrivals(cloudwatch._metric_bucket)  # noqa: SLF001 - the mend
    lambda_svc._emit_lambda_logs = _extracting(lambda_svc._emit_lambda_logs)  # noqa: SLF001 - the mend
    threading.Thread(target=_watch, name="coldwatch-metrics", daemon=True).start()


def _noting_arrivals(bucket: Callable[[Any], list[Point]]) -> Callable[[Any], list[Point]]:
    """Every value is stored by way of its metric's bucket."""

    def bucket_of(key: Any) -> list[Point]:
        _arrived.add((get_account_id(), get_region()))
        _has_arrived.set()
        return bucket(key)

    return bucket_of


def _extracting(emit: Callable[..., None]) -> Callable[..., None]:
    def emit_and_extract(function: dict[str, Any], request_id: str, log: str, *more: Any, **named: Any) -> None:
        emit(function, request_id, log, *more, **named)
        extract_metrics(log)

    return emit_and_extract


def extract_metrics(log: str) -> None:
    """Publish the embedded metrics of a function's log, in the current account and region."""
    now = time.time()
    for line in log.splitlines() if '"CloudWatchMetrics"' in log else ():
        for datum in embedded_metrics(line, now):
            cloudwatch._store_datum(  # noqa: SLF001 - what PutMetricData does with a datum
                datum.namespace,
                datum.name,
                dict(datum.dimensions),
                datum.timestamp,
                datum.unit,
                None,
                list(datum.values),
                None,
                None,
            )


def evict_old_metrics() -> None:
    """Forget what is older than a client may put, in place: a value that is stored meanwhile must not be lost."""
    oldest = time.time() - PAST_S
    for points in cloudwatch._metrics.values():  # noqa: SLF001 - the store has no other reader
        expired = next((at for at, point in enumerate(points) if point["Timestamp"] >= oldest), len(points))
        del points[:expired]


def evaluate_alarm(alarm: dict[str, Any]) -> None:
    """Decide the alarm's state and tell those it is to be told to. Metric math and anomaly bands stay undecided."""
    if not alarm.get("Namespace") or not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in COMPARISONS:
        return
    values = _values(alarm, time.time())
    compare, threshold = COMPARISONS[alarm["ComparisonOperator"]], float(alarm.get("Threshold") or 0)
    breaches = [None if value is None else compare(value, threshold) for value in values]
    evaluated = int(alarm.get("EvaluationPeriods") or 1)
    state = alarm_state(
        breaches,
        evaluated=evaluated,
        to_alarm=int(alarm.get("DatapointsToAlarm") or evaluated),
        missing=_missing(alarm),
    )
    if state is not None:
        _change(alarm, state, _reason(alarm, state, values[:evaluated]))


def _missing(alarm: Mapping[str, Any]) -> Missing:
    """An alarm on DynamoDB's metrics ignores missing data, whatever it says.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    if alarm["Namespace"] == "AWS/DynamoDB":
        return Missing.IGNORE
    return Missing(alarm.get("TreatMissingData") or "missing")


def _values(alarm: Mapping[str, Any], now: float) -> list[float | None]:
    """The statistic of each period of the evaluation range, the newest first; None where the metric has no value."""
    period, statistic = int(alarm.get("Period") or 60), alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    count = int(alarm.get("EvaluationPeriods") or 1) + EXTRA_PERIODS
    periods: list[list[Point]] = [[] for _ in range(count)]
    for point in _recent(alarm, now - count * period):
        age = int((now - point["Timestamp"]) // period)
        if age < count:
            periods[max(0, age)].append(point)
    return [_statistic(points, str(statistic or "Average")) for points in periods]


def _recent(alarm: Mapping[str, Any], since: float) -> Iterator[Point]:
    """The values of the alarm's own metric and unit, from the last stored back."""
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))  # noqa: SLF001 - as values are stored
    unit, strays = alarm.get("Unit"), 0
    for point in reversed(cloudwatch._metrics.get(key, [])):  # noqa: SLF001 - the store has no other reader
        strays = strays + 1 if point["Timestamp"] < since else 0
        if strays > MOST_STRAYS:
            return
        if not strays and unit in {None, point["Unit"]}:
            yield point


def _statistic(points: list[Point], statistic: str) -> float | None:
    if not points:
        return None
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)  # noqa: SLF001 - its arithmetic is right
    return None if value is None else float(value)


def _reason(alarm: Mapping[str, Any], state: State, values: list[float | None]) -> str:
    found = ", ".join(str(value) for value in values if value is not None)
    if not found:
        return f"No value in the last {len(values)} periods; missing data is treated as {_missing(alarm)}"
    return (
        f"Threshold Crossed: {state} with [{found}] against {alarm.get('ComparisonOperator')} {alarm.get('Threshold')}"
    )


def _change(alarm: dict[str, Any], state: State, reason: str) -> None:
    with _deciding:  # two threads may decide at once, and only one of them tells
        before = alarm["StateValue"]
        if before == state:
            return
        now = int(time.time())
        alarm.update(StateValue=str(state), StateReason=reason, StateUpdatedTimestamp=now)
    cloudwatch._record_history(alarm["AlarmName"], before, str(state), reason)  # noqa: SLF001 - as upstream does
    cloudwatch._dispatch_alarm_actions(alarm, before, str(state), reason)  # noqa: SLF001 - likewise
    cloudwatch._evaluate_parent_alarms(alarm)  # noqa: SLF001 - likewise


def _watch() -> None:
    gauges, looked_at = Gauges(), 0.0
    while True:
        _has_arrived.wait(GAUGES_S)
        time.sleep(ARRIVALS_S)
        try:
            if time.monotonic() - looked_at >= GAUGES_S:
                looked_at = time.monotonic()
                publish_gauges(gauges, time.time())
                _arrived.update(_scopes(cloudwatch._alarms))  # noqa: SLF001 - the store has no other reader
            _evaluate_arrived()
        except Exception:
            logger.exception("a round of metrics failed")


def _evaluate_arrived() -> None:
    _has_arrived.clear()
    while _arrived:
        with request_scope(*_arrived.pop()):
            cloudwatch._evaluate_all_alarms()  # noqa: SLF001 - a failing alarm does not stop the others there


def _scopes(store: Any) -> set[Scope]:
    return {(account, region) for account, region, _ in list(store._data)}  # noqa: SLF001 - scopes are seen nowhere else


def publish_gauges(gauges: Gauges, now: float) -> None:
    """Publish the queues' and iterators' values that are due."""
    for account, region in _scopes(sqs._queues):  # noqa: SLF001 - the store has no other reader
        with request_scope(account, region):
            for queue in sqs._queues.values():  # noqa: SLF001 - likewise
                _publish_queue(gauges, queue, now)
    for (function, stream), age_ms in _iterator_ages().items():
        if gauges.is_due((function, stream), age_ms, now):
            cloudwatch.record_metric("AWS/Lambda", "IteratorAge", age_ms, "Milliseconds", {"FunctionName": function})


def _publish_queue(gauges: Gauges, queue: Mapping[str, Any], now: float) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"""
    messages = list(queue["messages"])
    visible = sum(message.get("visible_at", now) <= now for message in messages)
    oldest_s = max((now - message.get("sent_at", now) for message in messages), default=0.0)
    for metric, value, unit in (
        ("ApproximateNumberOfMessagesVisible", float(visible), "Count"),
        ("ApproximateAgeOfOldestMessage", float(int(oldest_s)), "Seconds"),
    ):
        if gauges.is_due((queue["url"], metric), value, now):
            cloudwatch.record_metric("AWS/SQS", metric, value, unit, {"QueueName": queue["name"]})


def _iterator_ages() -> dict[tuple[str, str], float]:
    """How far each event source is behind its stream; nothing while the mend of event sources is not there."""
    if find_spec("local.cloud.event_source") is None:
        return {}
    ages: dict[tuple[str, str], float] = import_module("local.cloud.event_source").iterator_age_ms()
    return ages
