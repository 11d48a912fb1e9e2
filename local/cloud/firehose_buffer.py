"""Firehose gathers records and delivers them together, as AWS does, instead of one object and one conversion each.

Upstream delivers every record within the request that brought it, under a lock. Here a record is accepted at once and
a thread of its own delivers what gathered for the buffering interval (at most COLDWATCH_FIREHOSE_SECONDS, 1 by
default) or size. Records that could not be delivered are tried again for a day. `FlushDeliveryStreams`, an action of
the local Firehose alone, delivers everything now.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from ministack.core import persistence
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, request_scope
from ministack.services import cloudwatch, firehose

from local.cloud.firehose_delivery import Destination, Outcome, deliver, transform
from local.cloud.firehose_logic import MEGABYTE, NEVER, Buffer, BufferingHint, Record, Waiting, joined
from local.cloud.service_roles import RELIES_ON
from local.cloud.upstream import Upstream

WRAPS = (
    *RELIES_ON,
    Upstream("ministack.services.firehose:_deliver_records_to_s3", "1f7d459024276df3"),
    Upstream("ministack.services.firehose:_put_record", "6a7ed0471aef7e04"),
    Upstream("ministack.services.firehose:_put_record_batch", "5e868d2aec51e622"),
    Upstream("ministack.services.firehose:ingest_from_kinesis_source", "7dceac1c06ae2037"),
    Upstream("ministack.services.firehose:_deliver_to_s3", "35b6b7a4699157b0"),
    Upstream("ministack.services.firehose:_apply_lambda_processors", "94ce432c4f584230"),
    Upstream("ministack.services.firehose:_evaluate_prefix", "d407ad1dba8f3b4c"),
    Upstream("ministack.services.firehose:_java_time", "cb8bad8f80575319"),
    Upstream("ministack.services.firehose:_jq_parse", "a96f1ca61cdf0cb7"),
    Upstream("ministack.services.firehose:_jq_value", "4e9bbf0c6d0553f5"),
    Upstream("ministack.services.firehose:_DeliveryError", "c7842959af91f2e0"),
    Upstream("ministack.services.firehose:_HANDLERS", "0b27abe20449bde1"),
    Upstream("ministack.services.firehose:reset", "e24aef1441d28a74"),
    Upstream("ministack.services.s3:_put_object", "cf5861e4d9999243"),
    Upstream("ministack.services.cloudwatch:record_metric", "7f777bfbe523a0c5"),
    Upstream("ministack.core.persistence:save_all", "ea253a04fd05447b"),
)

LONGEST_INTERVAL_S = float(os.environ.get("COLDWATCH_FIREHOSE_SECONDS", "1"))
HELD_AT_MOST_BYTES = 256 * MEGABYTE
"""Held for one delivery stream before PutRecord is told to slow down, as AWS tells a producer above its quota."""
FLUSHED_WITHIN_S = 30.0

logger = logging.getLogger("coldwatch.firehose")


class SlowDownError(Exception):
    """The delivery stream holds as much as it may; the producer is to try again."""


@dataclass(slots=True)
class _Queue:
    """What is held for one delivery stream; `stream` is upstream's own object, whose destination may change."""

    account: str
    region: str
    stream: dict[str, Any]
    buffer: Buffer = field(default_factory=Buffer)
    waiting: list[Waiting] = field(default_factory=list)

    @property
    def held_bytes(self) -> int:
        return self.buffer.size_bytes + sum(batch.size_bytes for batch in self.waiting)

    @property
    def destination(self) -> dict[str, Any]:
        """A delivery stream has one destination."""
        found: dict[str, Any] = self.stream["destinations"][0]
        return found

    def due_at(self) -> float:
        """When something is to be tried; infinity while nothing is held."""
        hint = BufferingHint.of(self.destination["config"], longest_s=LONGEST_INTERVAL_S)
        return min(self.buffer.due_at(hint), *(batch.try_at for batch in self.waiting), NEVER)

    def take_due(self, now: float) -> list[Waiting]:
        """What is due by `now`, no longer held; failed batches are tried together, apart from new records."""
        hint = BufferingHint.of(self.destination["config"], longest_s=LONGEST_INTERVAL_S)
        taken = [self.buffer.take(now)] if self.buffer.records and self.buffer.due_at(hint) <= now else []
        if self.waiting and min(batch.try_at for batch in self.waiting) <= now:
            taken.append(joined(self.waiting))
            self.waiting = []
        return taken


class Deliveries:
    """All that is accepted and not delivered, and the thread that delivers it; it sleeps while nothing is held."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._changed = threading.Condition()
        self._flushes_asked = 0
        self._flushes_done = 0

    def start(self) -> None:
        threading.Thread(target=self._run, name="coldwatch-firehose", daemon=True).start()

    def accept(self, stream: dict[str, Any], records: Iterable[tuple[str, bytes]]) -> None:
        """Hold the records for delivery. Raises SlowDownError when a producer put more than can be delivered."""
        now = time.time()
        with self._changed:
            queue = self._queues.setdefault(stream["arn"], _Queue(get_account_id(), get_region(), stream))
            if stream["type"] == "DirectPut" and queue.held_bytes > HELD_AT_MOST_BYTES:
                raise SlowDownError(f"{stream['name']} holds all it may of what it could not deliver. Slow down.")
            was_due_at = queue.due_at()
            for record_id, data in records:
                queue.buffer.accept(Record(record_id, data, now))
            if queue.due_at() < was_due_at:
                self._changed.notify_all()

    def forget(self) -> None:
        """Drop all that is held: the cloud was reset."""
        with self._changed:
            self._queues.clear()

    def flush(self) -> None:
        """Deliver all that is held now; returns when each record was tried once (at most FLUSHED_WITHIN_S)."""
        with self._changed:
            self._flushes_asked += 1
            asked = self._flushes_asked
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._flushes_done >= asked, FLUSHED_WITHIN_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                asked = self._flushes_asked
                batches = self._take_due(NEVER if asked > self._flushes_done else time.time())
                if not batches and asked == self._flushes_done:
                    self._changed.wait(self._sleep_s())
                    continue
            for queue, batch in batches:
                self._try(queue, batch)
            self._finished(asked)

    def _take_due(self, now: float) -> list[tuple[_Queue, Waiting]]:
        return [(queue, batch) for queue in self._queues.values() for batch in queue.take_due(now)]

    def _sleep_s(self) -> float | None:
        due_at = min((queue.due_at() for queue in self._queues.values()), default=NEVER)
        return None if due_at == NEVER else max(0.0, due_at - time.time())

    def _finished(self, asked: int) -> None:
        with self._changed:
            self._flushes_done = asked
            self._queues = {arn: queue for arn, queue in self._queues.items() if queue.due_at() != NEVER}
            self._changed.notify_all()

    def _try(self, queue: _Queue, batch: Waiting) -> None:
        with request_scope(queue.account, queue.region):
            if batch.attempts == 0:
                _count_incoming(queue.stream["name"], batch)
                batch = replace(batch, records=tuple(transform(queue.stream, queue.destination, batch.records)))
            outcome = _deliver(queue, batch)
            if outcome.undelivered:
                self._keep(queue, batch, outcome)
            _count_delivered(queue.stream["name"], batch, outcome)

    def _keep(self, queue: _Queue, batch: Waiting, outcome: Outcome) -> None:
        kept = batch.after_failure(outcome.undelivered, time.time())
        name, reasons = queue.stream["name"], "; ".join(sorted(outcome.reasons))
        if firehose._streams.get(name) is not queue.stream:  # noqa: SLF001 - the store has no other reader
            logger.error("%s was deleted before %d records were delivered: %s", name, len(kept.records), reasons)
            return
        logger.warning("%s keeps %d records to try again: %s", name, len(kept.records), reasons)
        if lost := len(outcome.undelivered) - len(kept.records):
            logger.error("%s gave up %d records that it could not deliver for a day: %s", name, lost, reasons)
        with self._changed:
            if kept.records:
                queue.waiting.append(kept)


def _deliver(queue: _Queue, batch: Waiting) -> Outcome:
    destination = Destination(queue.stream, queue.destination["config"])
    try:
        return deliver(destination, batch.records, attempts=batch.attempts + 1, now=time.time())
    except Exception:
        logger.exception("delivering %d records of %s failed", len(batch.records), queue.stream["name"])
        return Outcome(failed_puts=1, undelivered=list(batch.records), reasons={"an error of the local cloud"})


def _count_incoming(name: str, batch: Waiting) -> None:
    """https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html"""
    _measure(name, "IncomingRecords", len(batch.records), "Count")
    _measure(name, "IncomingBytes", batch.size_bytes, "Bytes")


def _count_delivered(name: str, batch: Waiting, outcome: Outcome) -> None:
    if not batch.records:
        return
    _measure(name, "DeliveryToS3.DataFreshness", time.time() - batch.records[0].arrived_at, "Seconds")
    _measure(name, "DeliveryToS3.Records", outcome.delivered, "Count")
    _measure(name, "DeliveryToS3.Success", outcome.puts / max(1, outcome.puts + outcome.failed_puts), "None")


def _measure(name: str, metric: str, value: float, unit: str) -> None:
    cloudwatch.record_metric("AWS/Firehose", metric, value, unit, {"DeliveryStreamName": name})


def install() -> None:
    deliveries = Deliveries()
    firehose._deliver_records_to_s3 = _accepting(deliveries)  # noqa: SLF001 - the mend
    for action in ("PutRecord", "PutRecordBatch"):
        firehose._HANDLERS[action] = _slowing_down(firehose._HANDLERS[action])  # noqa: SLF001 - the mend
    firehose._HANDLERS["FlushDeliveryStreams"] = _flushing(deliveries)  # noqa: SLF001 - the mend
    _before(firehose, "reset", deliveries.forget)
    _before(persistence, "save_all", deliveries.flush)
    atexit.register(deliveries.flush)
    deliveries.start()


def _accepting(deliveries: Deliveries) -> Callable[[dict[str, Any], dict[str, Any], list[tuple[str, bytes]]], None]:
    def accept(stream: dict[str, Any], destination: dict[str, Any], records: list[tuple[str, bytes]]) -> None:
        destination["records"].clear()  # upstream keeps every record here for ever, and reads none
        deliveries.accept(stream, records)

    return accept


def _slowing_down(put: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecord.html: ServiceUnavailableException."""

    def put_or_refuse(request: Any) -> Any:
        try:
            return put(request)
        except SlowDownError as error:
            return error_response_json("ServiceUnavailableException", str(error), 503)

    return put_or_refuse


def _flushing(deliveries: Deliveries) -> Callable[[Any], Any]:
    def flush(_request: Any) -> Any:
        deliveries.flush()
        return json_response({})

    return flush


def _before(module: ModuleType, name: str, first: Callable[[], None]) -> None:
    then = getattr(module, name)

    def both(*arguments: Any) -> Any:
        first()
        return then(*arguments)

    setattr(module, name, both)
