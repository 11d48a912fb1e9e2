"""How Lambda reads one shard of a Kinesis stream: state in, decision out. No clock, no input, no output.

Times are epoch seconds and always arguments. A shard's reader repeats:

    offer(what it read)  ->  decide()  ->  invoke, discard or wait  ->  settle(what came of the invocation)

The behaviour is that of the AWS Lambda Developer Guide: pages `with-kinesis`, `services-kinesis-parameters`,
`services-kinesis-batchfailurereporting` and `kinesis-on-failure-destination`. Where those are silent, `Policy` and
`settle` say what was chosen.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
"""Lambda invokes when a batch's payload reaches this, however few its records."""

_ENVELOPE_BYTES = len('{"Records": []}')

RETRY_LIMIT_S = 5.0
"""The longest pause between two attempts."""

INFINITE = -1

Condition = Literal["RetryAttemptsExhausted", "MaximumRecordAgeExceeded"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the mapping says, its numbers as the API takes them (-1 is infinite).

    `retry_base_s` is the pause before the first retry; it doubles up to RETRY_LIMIT_S. AWS documents no figures.
    """

    batch_size: int = 100
    window_s: float = 0.0
    bisect: bool = False
    reports_failures: bool = False
    max_retries: int = INFINITE
    max_age_s: float = INFINITE
    retry_base_s: float = 0.2


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the shard. `size` is that of its event in JSON, in bytes."""

    sequence: str
    arrived_at: float
    size: int
    event: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that go to the function together. `retries` counts against the mapping's limit, `invocations` all
    deliveries in which these records took part, `throttles` the refusals since the last one.
    """

    records: tuple[Record, ...]
    retries: int = 0
    invocations: int = 0
    throttles: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """Where the reading of a shard stands.

    `checkpoint` is the last sequence number that is done with and is all that must survive a restart; `read_to` is
    the last that was read. `unsettled` holds batches that were invoked or split, in order, the one at work first;
    `pending` what was read and not yet batched.
    """

    checkpoint: str
    read_to: str
    unsettled: tuple[Batch, ...] = ()
    pending: tuple[Record, ...] = ()
    pending_since: float = 0.0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Succeeded:
    pass


@dataclass(frozen=True, slots=True)
class FailedFrom:
    """The function answered that the batch's records from this index on are not done."""

    index: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The function raised, timed out or died, or its answer reports failures in no form that Lambda knows."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """The function was not invoked: it had no concurrency to spare."""


Outcome = Succeeded | FailedFrom | Failed | Throttled


@dataclass(frozen=True, slots=True)
class Invoke:
    shard: Shard
    batch: Batch


@dataclass(frozen=True, slots=True)
class Discard:
    """Records that are given up: they go to the on-failure destination, never again to the function."""

    shard: Shard
    batch: Batch
    condition: Condition


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; None: before more records arrive."""

    shard: Shard
    until: float | None


def start_after(sequence: str) -> Shard:
    """A shard of which everything up to `sequence` is done; the empty string is before every record."""
    return Shard(checkpoint=sequence, read_to=sequence)


def room(shard: Shard, policy: Policy) -> int:
    """How many records may be read now: none while a batch is unsettled or the next one is full."""
    if shard.unsettled or _bytes(shard.pending) >= PAYLOAD_LIMIT_BYTES:
        return 0
    return max(0, policy.batch_size - len(shard.pending))


def offer(shard: Shard, records: tuple[Record, ...], read_to: str, now: float) -> Shard:
    """Take what was read. `records` are those that passed the mapping's filter, `read_to` is the last one read: what
    the filter dropped is done with as soon as everything before it is.
    """
    since = shard.pending_since if shard.pending else now
    return _checked(replace(shard, pending=shard.pending + records, pending_since=since, read_to=read_to))


def decide(shard: Shard, policy: Policy, now: float) -> Invoke | Discard | Wait:
    if shard.unsettled and now < shard.not_before:
        return Wait(shard, shard.not_before)
    if not shard.unsettled:
        due = _due(shard, policy)
        if due is None or now < due:
            return Wait(shard, due)
        shard = _batched(shard, policy)
    batch, *others = shard.unsettled
    old = _too_old(batch, policy, now)
    if old:
        kept = replace(batch, records=batch.records[old:])
        rest = (kept, *others) if kept.records else tuple(others)
        gone = replace(batch, records=batch.records[:old])
        return Discard(_done(replace(shard, unsettled=rest), gone), gone, "MaximumRecordAgeExceeded")
    return Invoke(shard, batch)


def settle(shard: Shard, policy: Policy, outcome: Outcome, now: float, jitter: float) -> tuple[Shard, Discard | None]:
    """What becomes of the batch at work. `jitter`, from 0 to 1, lengthens or shortens the pause by up to a quarter.

    Chosen where AWS is silent: a batch's retries are counted on while it shrinks by partial successes; a batch whose
    first record is reported failed has nothing to cut off, so with bisecting on it is halved like one that raised.
    """
    batch = shard.unsettled[0]
    match outcome:
        case Throttled():
            again = replace(batch, throttles=batch.throttles + 1)
            return _again(shard, (again,), _later(policy, batch.throttles, now, jitter)), None
        case Succeeded():
            return _done(replace(shard, unsettled=shard.unsettled[1:]), batch), None
        case FailedFrom(index) if index > 0:
            return _cut(shard, policy, index, now, jitter)
        case _:
            return _fail(shard, policy, _invoked(batch), now, jitter, splits=policy.bisect and len(batch.records) > 1)


def _cut(shard: Shard, policy: Policy, index: int, now: float, jitter: float) -> tuple[Shard, Discard | None]:
    """Go on from the reported record. With bisecting on that is a split, which costs no retry."""
    batch = shard.unsettled[0]
    rest = replace(_invoked(batch), records=batch.records[index:])
    shard = _done(replace(shard, unsettled=(rest, *shard.unsettled[1:])), replace(batch, records=batch.records[:index]))
    if policy.bisect:
        return _again(shard, (rest,), _later(policy, 0, now, jitter)), None
    return _fail(shard, policy, rest, now, jitter, splits=False)


def _fail(
    shard: Shard, policy: Policy, batch: Batch, now: float, jitter: float, *, splits: bool
) -> tuple[Shard, Discard | None]:
    if splits:
        middle = len(batch.records) // 2
        halves = (replace(batch, records=batch.records[:middle]), replace(batch, records=batch.records[middle:]))
        return _again(shard, halves, _later(policy, batch.retries, now, jitter)), None
    if policy.max_retries != INFINITE and batch.retries >= policy.max_retries:
        shard = _done(replace(shard, unsettled=shard.unsettled[1:]), batch)
        return shard, Discard(shard, batch, "RetryAttemptsExhausted")
    again = replace(batch, retries=batch.retries + 1)
    return _again(shard, (again,), _later(policy, batch.retries, now, jitter)), None


def _again(shard: Shard, batches: tuple[Batch, ...], not_before: float) -> Shard:
    return replace(shard, unsettled=batches + shard.unsettled[1:], not_before=not_before)


def _later(policy: Policy, doublings: int, now: float, jitter: float) -> float:
    pause = min(RETRY_LIMIT_S, policy.retry_base_s * 2.0 ** min(doublings, 16))
    return now + pause * (0.75 + jitter / 2)


def _invoked(batch: Batch) -> Batch:
    return replace(batch, invocations=batch.invocations + 1, throttles=0)


def _due(shard: Shard, policy: Policy) -> float | None:
    if not shard.pending:
        return None
    full = len(shard.pending) >= policy.batch_size or _bytes(shard.pending) >= PAYLOAD_LIMIT_BYTES
    return 0.0 if full else shard.pending_since + policy.window_s


def _batched(shard: Shard, policy: Policy) -> Shard:
    size, count = _ENVELOPE_BYTES, 0
    for record in shard.pending[: policy.batch_size]:
        size += record.size
        if count and size > PAYLOAD_LIMIT_BYTES:
            break
        count += 1
    return replace(shard, unsettled=(Batch(shard.pending[:count]),), pending=shard.pending[count:])


def _too_old(batch: Batch, policy: Policy, now: float) -> int:
    """How many records at the front have passed the age limit; they stand in the order of their arrival."""
    if policy.max_age_s == INFINITE:
        return 0
    oldest = now - policy.max_age_s
    return next((at for at, record in enumerate(batch.records) if record.arrived_at >= oldest), len(batch.records))


def _done(shard: Shard, batch: Batch) -> Shard:
    return _checked(replace(shard, checkpoint=batch.records[-1].sequence))


def _checked(shard: Shard) -> Shard:
    """With nothing left to do, all that was read is done, filtered records too."""
    return shard if shard.unsettled or shard.pending else replace(shard, checkpoint=shard.read_to)


def _bytes(records: tuple[Record, ...]) -> int:
    return sum(record.size for record in records)


def judge(answer: Any, batch: Batch) -> Outcome:
    """What a function's answer says of the batch, for a mapping with ReportBatchItemFailures.

    Success: nothing, an empty object, a null or empty list. Otherwise every item must name a record of this batch;
    the lowest sequence number is the checkpoint. Anything else is a failure of the whole batch.
    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    if answer is None or answer == "":
        return Succeeded()
    if not isinstance(answer, dict):
        return Failed()
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return Succeeded()
    return _first_failed(failures, batch) if isinstance(failures, list) else Failed()


def _first_failed(failures: list[Any], batch: Batch) -> Outcome:
    index_of = {record.sequence: index for index, record in enumerate(batch.records)}
    named = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    found = [index_of.get(name) if isinstance(name, str) else None for name in named]
    known = [index for index in found if index is not None]
    return FailedFrom(min(known)) if len(known) == len(failures) else Failed()


def failure_record(
    discard: Discard,
    *,
    mapping: dict[str, Any],
    version: str,
    shard_id: str,
    request_id: str,
    errored: bool,
    now: float,
) -> dict[str, Any]:
    """What goes to the on-failure destination; it names the records, it does not hold them.

    `errored` is whether the function raised: then AWS says `functionError`. Records that were never sent to the
    function have no `responseContext`.
    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    batch = discard.batch
    response = {"statusCode": 200, "executedVersion": version} | ({"functionError": "Unhandled"} if errored else {})
    return {
        "requestContext": {
            "requestId": request_id,
            "functionArn": mapping["FunctionArn"],
            "condition": discard.condition,
            "approximateInvokeCount": batch.invocations,
        },
        **({"responseContext": response} if batch.invocations else {}),
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": _batch_info(batch, shard_id, mapping["EventSourceArn"]),
    }


def _batch_info(batch: Batch, shard_id: str, stream_arn: str) -> dict[str, Any]:
    first, last = batch.records[0], batch.records[-1]
    return {
        "shardId": shard_id,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": last.sequence,
        "approximateArrivalOfFirstRecord": _iso(first.arrived_at),
        "approximateArrivalOfLastRecord": _iso(last.arrived_at),
        "batchSize": len(batch.records),
        "streamArn": stream_arn,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
