"""Reads one shard for one mapping, on a thread of its own: a slow function holds up its own shard and nothing else.

What to do next is decided in `event_source_logic`; here are the clock, the stream, the function and the log.
"""

import json
import logging
import random
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import uuid4

from ministack.core.concurrency import esm_wake
from ministack.core.responses import request_scope
from ministack.services import kinesis, lambda_svc

from local.cloud import event_source_delivery, event_source_logic, event_source_mapping, stream_shards
from local.cloud.event_source_logic import Batch, Discard, Failed, Invoke, Outcome, Record, Succeeded, Throttled, Wait
from local.cloud.service_roles import service_role_denial

IDLE_S = 1.0
"""A reader that waits for records looks up this often, to notice that its mapping was changed or deleted."""

WINDOW_POLL_S = 0.05
"""While a batching window is open the reader looks this often whether the batch is full."""

PAUSE_S = 1.0
"""Between two looks at a mapping whose function or stream cannot be used."""

_READ_ACTIONS = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")

log = logging.getLogger("event_source")
last_request = threading.local()
"""`id` is the request id of this thread's latest invocation, which MiniStack keeps to itself."""

_sequence = itemgetter("SequenceNumber")


class ShardKey(NamedTuple):
    """`account` and `region` are the mapping's; the stream may be another account's."""

    account: str
    region: str
    mapping_id: str
    shard_id: str


class UnusableError(Exception):
    """Why a mapping cannot be worked on now, as LastProcessingResult says it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A mapping with what it names, looked up for one step."""

    mapping: dict[str, Any]
    stream: dict[str, Any]
    function: dict[str, Any]
    policy: event_source_logic.Policy

    @property
    def role(self) -> str:
        return str(self.function["config"].get("Role", ""))


def stream_of(mapping: dict[str, Any]) -> dict[str, Any] | None:
    """The mapping's stream, in the stream's own account."""
    _, _, _, region, account, resource = mapping["EventSourceArn"].split(":", 5)
    stream: dict[str, Any] | None = kinesis._streams.get_scoped(account, region, resource.split("/")[1])  # noqa: SLF001 - the store has no other reader
    return stream if stream and stream["StreamStatus"] == "ACTIVE" else None


def records_after(shard: dict[str, Any], sequence: str, most: int) -> list[dict[str, Any]]:
    """Up to `most` stored records after a sequence number, in order. Records may expire from the front meanwhile: then
    the place found no longer is the place, and is looked up again.
    """
    while True:
        records = shard["records"]
        at = bisect_right(records, sequence, key=_sequence)
        found: list[dict[str, Any]] = records[at : at + most]
        if at == bisect_right(records, sequence, key=_sequence):
            return found


class ShardReader:
    def __init__(self, key: ShardKey, stream_arn: str) -> None:
        self._key = key
        self._stream_arn = stream_arn
        self._woken = threading.Event()
        self._listening = False
        self._thread = threading.Thread(target=self._run, name=f"reader-{key.shard_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        """Ends when the shard is read out or the mapping is gone or disabled. What fails unexpectedly is logged, and a
        new reader goes on from the checkpoint.
        """
        with request_scope(self._key.account, self._key.region):
            self._shard = event_source_logic.start_after(self._checkpoint())
            stream_shards.listen(self._stream_arn, self._key.shard_id, self._wake)
            try:
                while self._step():
                    pass
            except Exception:
                log.exception("The reader of %s stopped; another takes over", self._key)
                time.sleep(PAUSE_S)
            finally:
                stream_shards.unlisten(self._stream_arn, self._key.shard_id, self._wake)
                esm_wake.set()  # for the shard's children, or the next reader

    def _checkpoint(self) -> str:
        return event_source_mapping.checkpoint(self._key.mapping_id, self._key.shard_id)

    def _step(self) -> bool:
        """Whether there is more to do here, ever."""
        mapping = lambda_svc._esms.get(self._key.mapping_id)  # noqa: SLF001 - the store has no other reader
        if mapping is None or not event_source_mapping.is_enabled(mapping):
            return False
        try:
            source = self._source(mapping)
        except UnusableError as problem:
            mapping["LastProcessingResult"] = f"PROBLEM: {problem}"
            self._woken.wait(PAUSE_S)
            return True
        shard = source.stream["shards"].get(self._key.shard_id)
        return shard is not None and self._advance(source, shard)

    def _source(self, mapping: dict[str, Any]) -> Source:
        function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))  # noqa: SLF001 - as MiniStack's own poller
        if function is None:
            raise UnusableError("Function not found")
        stream = stream_of(mapping)
        if stream is None:
            raise UnusableError("Stream not found")
        source = Source(mapping, stream, function, event_source_mapping.policy_of(mapping, stream))
        self._check_access(source)
        return source

    def _check_access(self, source: Source) -> None:
        """As the function's role; another account's stream is read only as that stream's own policy allows."""
        arn, name = source.mapping["EventSourceArn"], source.mapping["FunctionName"]
        if arn.split(":")[4] != self._key.account:
            if lambda_svc._cross_account_read_blocked(arn, source.function, name):  # noqa: SLF001 - as MiniStack's own poller
                raise UnusableError(f"Cannot access stream {arn}: its policy does not allow it")
            return
        for action in _READ_ACTIONS:
            denial = service_role_denial(
                source.role,
                "lambda.amazonaws.com",
                f"kinesis:{action}",
                arn,
                source_arn=source.mapping["FunctionArn"],
            )
            if denial:
                raise UnusableError(f"Cannot access stream {arn}: {denial}")

    def _advance(self, source: Source, shard: dict[str, Any]) -> bool:
        closed = stream_shards.is_closed(shard)  # asked first: nothing is appended to a shard once it is closed
        self._read(source, shard)
        match event_source_logic.decide(self._shard, source.policy, time.time()):
            case Invoke() as step:
                self._invoke(source, step)
            case Discard() as step:
                self._discard(source, step, errored=step.batch.retries > 0)
            case Wait(state, until):
                self._keep(state)
                if until is None and closed:
                    return bool(records_after(shard, state.read_to, 1))
                self._wait(shard, until)
        return True

    def _read(self, source: Source, shard: dict[str, Any]) -> None:
        wanted = event_source_logic.room(self._shard, source.policy)
        found = records_after(shard, self._shard.read_to, wanted) if wanted else []
        if not found:
            return
        template = self._template(source)
        events = [_event(record, template, self._key.shard_id) for record in found]
        kept = lambda_svc._apply_filter_criteria(events, source.mapping)  # noqa: SLF001 - MiniStack's filters
        overhead = len(json.dumps(_event(_BARE_RECORD, template, self._key.shard_id)))
        records = tuple(_record(event, overhead) for event in kept)
        self._shard = event_source_logic.offer(self._shard, records, found[-1]["SequenceNumber"], time.time())

    def _template(self, source: Source) -> dict[str, Any]:
        return {
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": source.role,
            "awsRegion": self._stream_arn.split(":")[3],
            "eventSourceARN": self._stream_arn,
        }

    def _invoke(self, source: Source, step: Invoke) -> None:
        self._keep(step.shard)
        last_request.id = ""
        event = {"Records": [record.event for record in step.batch.records]}
        result = lambda_svc._execute_function(source.function, event)  # noqa: SLF001 - MiniStack's own execution path
        outcome = _outcome(result, step.batch, reports_failures=source.policy.reports_failures)
        succeeded = isinstance(outcome, Succeeded)
        source.mapping["LastProcessingResult"] = "OK" if succeeded else "PROBLEM: Function call failed"
        if not succeeded:
            log.warning("%s did not finish %s: %s", source.mapping["FunctionName"], _name(step.batch), _reason(result))
        shard, discard = event_source_logic.settle(
            step.shard,
            source.policy,
            outcome,
            time.time(),
            random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        if discard:
            self._discard(source, discard, errored=bool(result.get("error")))
        self._keep(shard)

    def _discard(self, source: Source, step: Discard, *, errored: bool) -> None:
        """Reported before the checkpoint passes it: a crash in between reports it twice rather than never."""
        log.error("%s gave up %s: %s", source.mapping["FunctionName"], _name(step.batch), step.condition)
        target = event_source_mapping.destination(source.mapping)
        if target:
            record = event_source_logic.failure_record(
                step,
                mapping=source.mapping,
                version=source.function["config"].get("Version", "$LATEST"),
                shard_id=self._key.shard_id,
                request_id=getattr(last_request, "id", "") or str(uuid4()),
                errored=errored,
                now=time.time(),
            )
            event_source_delivery.deliver(
                target,
                record,
                [each.event for each in step.batch.records],
                role=source.role,
                function_arn=source.mapping["FunctionArn"],
                mapping_id=self._key.mapping_id,
            )
        self._keep(step.shard)

    def _keep(self, shard: event_source_logic.Shard) -> None:
        if shard.checkpoint != self._shard.checkpoint or shard.checkpoint != self._checkpoint():
            event_source_mapping.save_checkpoint(self._key.mapping_id, self._key.shard_id, shard.checkpoint)
        self._shard = shard

    def _wake(self) -> None:
        """Called by every put to this shard: only one who waits for records is woken."""
        if self._listening:
            self._woken.set()

    def _wait(self, shard: dict[str, Any], until: float | None) -> None:
        self._woken.clear()
        if until is not None:
            longest = PAUSE_S if self._shard.unsettled else WINDOW_POLL_S
            self._woken.wait(min(longest, max(0.0, until - time.time())))
            return
        self._listening = True
        if not records_after(shard, self._shard.read_to, 1):
            self._woken.wait(IDLE_S)
        self._listening = False


_BARE_RECORD = {"PartitionKey": "", "SequenceNumber": "0" * 60, "Data": "", "ApproximateArrivalTimestamp": 1e9 + 0.123}


def _event(record: dict[str, Any], template: dict[str, Any], shard_id: str) -> dict[str, Any]:
    """A stored record as the function sees it. https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html"""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": kinesis._ensure_base64(record["Data"]),  # noqa: SLF001 - how MiniStack reads what it stored
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
        },
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
        **template,
    }


def _record(event: dict[str, Any], overhead: int) -> Record:
    """`size` is reckoned, not measured: encoding every record twice would cost more than all the rest."""
    kinesis_part = event["kinesis"]
    size = overhead + len(kinesis_part["data"]) + len(json.dumps(kinesis_part["partitionKey"]))
    return Record(kinesis_part["sequenceNumber"], kinesis_part["approximateArrivalTimestamp"], size, event)


def _outcome(result: dict[str, Any], batch: Batch, *, reports_failures: bool) -> Outcome:
    if result.get("throttle"):
        return Throttled()
    if result.get("error"):
        return Failed()
    return event_source_logic.judge(result.get("body"), batch) if reports_failures else Succeeded()


def _name(batch: Batch) -> str:
    first, last = batch.records[0].event["eventID"], batch.records[-1].sequence
    return f"{len(batch.records)} records from {first} to {last} (invocation {batch.invocations})"


def _reason(result: dict[str, Any]) -> str:
    """For a person; an answer with failures names records, which may be many."""
    body = result.get("body")
    if result.get("error") and isinstance(body, dict):
        return str(body.get("errorMessage") or body.get("message") or body)[:500]
    return f"it answered {json.dumps(body, default=str)[:500]}"
