"""What a Firehose delivery stream decides: when a buffer is full, which records share an object, when to try again.

Pure: times are epoch seconds that the caller passes, and nothing is delivered from here.
https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

MEGABYTE = 1024 * 1024
NEVER = float("inf")
KEPT_FOR_S = 24 * 3600.0
"""Firehose keeps trying to reach S3 for 24 hours. https://docs.aws.amazon.com/firehose/latest/dev/retry.html"""
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 10.0

type Document = dict[str, Any]
type KeysOf = Callable[[Document], Mapping[str, str]]


class MalformedRecordError(Exception):
    """The record does not hold what the delivery stream needs of it; says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One accepted record: its bytes, and when it was accepted (epoch seconds)."""

    record_id: str
    data: bytes
    arrived_at: float
    lambda_keys: Mapping[str, str] = field(default_factory=dict)
    """The partition keys that a transforming function gave it."""


@dataclass(frozen=True, slots=True)
class BufferingHint:
    """How long and how much a buffer gathers before it is delivered."""

    seconds: float
    size_bytes: int

    @classmethod
    def of(cls, destination: Mapping[str, Any], *, longest_s: float) -> "BufferingHint":
        """The destination's BufferingHints (300 s and 5 MB by default), with an interval of at most `longest_s`."""
        hints = destination.get("BufferingHints") or {}
        interval = float(hints.get("IntervalInSeconds", 300))
        return cls(min(interval, longest_s), int(hints.get("SizeInMBs", 5)) * MEGABYTE)


@dataclass(slots=True)
class Buffer:
    """Records that were accepted and not yet taken for delivery."""

    records: list[Record] = field(default_factory=list)
    size_bytes: int = 0

    def accept(self, record: Record) -> None:
        self.records.append(record)
        self.size_bytes += len(record.data)

    def due_at(self, hint: BufferingHint) -> float:
        """When to take it: at once when it is full, the interval after its first record otherwise; NEVER when empty."""
        if not self.records:
            return NEVER
        first = self.records[0].arrived_at
        return first if self.size_bytes >= hint.size_bytes else first + hint.seconds

    def take(self, now: float) -> "Waiting":
        taken = Waiting(tuple(self.records), 0, now, self.size_bytes)
        self.records, self.size_bytes = [], 0
        return taken


@dataclass(frozen=True, slots=True)
class Waiting:
    """Records on their way: how often they were tried in vain, and when to try them."""

    records: tuple[Record, ...]
    attempts: int
    try_at: float
    size_bytes: int

    def after_failure(self, undelivered: Iterable[Record], now: float) -> "Waiting":
        """What is kept for a later try: each wait is twice the last, and a record older than KEPT_FOR_S is given up."""
        kept = tuple(record for record in undelivered if now - record.arrived_at < KEPT_FOR_S)
        wait = min(FIRST_RETRY_S * 2 ** min(self.attempts, 10), LONGEST_RETRY_S)
        return Waiting(kept, self.attempts + 1, now + wait, sum(len(record.data) for record in kept))


def joined(batches: Sequence[Waiting]) -> Waiting:
    """Batches that are tried together; they wait as long as the one tried most often."""
    return Waiting(
        tuple(record for batch in batches for record in batch.records),
        max(batch.attempts for batch in batches),
        min(batch.try_at for batch in batches),
        sum(batch.size_bytes for batch in batches),
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records that belong into one S3 object."""

    records: tuple[Record, ...]
    query_keys: Mapping[str, str]
    lambda_keys: Mapping[str, str]
    documents: tuple[tuple[Document, ...], ...]
    """Per record, the JSON objects in it; empty when the stream neither partitions by a query nor converts."""

    @property
    def oldest(self) -> float:
        return min(record.arrived_at for record in self.records)

    def without(self, positions: Iterable[int]) -> "Delivery":
        """The same delivery less the records at these positions."""
        out = set(positions)
        records = tuple(record for at, record in enumerate(self.records) if at not in out)
        documents = tuple(found for at, found in enumerate(self.documents) if at not in out)
        return replace(self, records=records, documents=documents)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be delivered as asked; it goes to the error output alone."""

    record: Record
    output_type: str
    message: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    deliveries: tuple[Delivery, ...]
    rejected: tuple[Rejected, ...]


def group(records: Iterable[Record], *, keys_of: KeysOf | None, converts: bool) -> Plan:
    """Records with equal partition keys share a delivery, in the order of arrival.

    `keys_of` answers a document's keys or raises MalformedRecordError; None when no query partitions the stream. A
    partitioned record is one JSON object; one that is only converted may hold several, one after another.
    """
    gathered: dict[Any, list[tuple[Record, tuple[Document, ...]]]] = {}
    rejected: list[Rejected] = []
    for record in records:
        try:
            documents = parse_objects(record.data) if converts or keys_of else ()
            query = _query_keys(documents, keys_of) if keys_of else {}
        except MalformedRecordError as error:
            rejected.append(_refused(record, str(error), partitioned=keys_of is not None))
            continue
        place = (tuple(query.items()), tuple(sorted(record.lambda_keys.items())))
        gathered.setdefault(place, []).append((record, documents))
    return Plan(tuple(_delivery(place, members) for place, members in gathered.items()), tuple(rejected))


def _query_keys(documents: Sequence[Document], keys_of: KeysOf) -> Mapping[str, str]:
    if len(documents) != 1:
        raise MalformedRecordError("the record holds several JSON objects, and each could belong elsewhere")
    return keys_of(documents[0])


def _delivery(place: Any, members: list[tuple[Record, tuple[Document, ...]]]) -> Delivery:
    query, by_lambda = place
    records, documents = zip(*members, strict=True)
    return Delivery(records, dict(query), dict(by_lambda), documents)


def _refused(record: Record, reason: str, *, partitioned: bool) -> Rejected:
    """A partitioned stream fails while it processes, before it would convert: the keys are read first."""
    if partitioned:
        return Rejected(record, "processing-failed", f"Metadata extraction failed: {reason}")
    return Rejected(record, "format-conversion-failed", reason, "DataFormatConversion.ParseError")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_SPACE = " \t\r\n"


def parse_objects(data: bytes) -> tuple[Document, ...]:
    """The JSON objects in `data`, at least one and one after another, or MalformedRecordError."""
    documents: list[Document] = []
    try:
        text = data.decode().strip(_SPACE)
        while text:
            document, end = _DECODER.raw_decode(text)
            documents.append(document)
            text = text[end:].lstrip(_SPACE)
    except (ValueError, RecursionError) as error:
        raise MalformedRecordError(f"the record is not valid JSON: {error}") from error
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise MalformedRecordError("the record is not a JSON object")
    return tuple(documents)


def partition_key(name: str, value: Any) -> str:
    """A partition key as it stands in a prefix; MalformedRecordError when the query found nothing that can be one."""
    if value is None or value == "" or isinstance(value, dict | list):
        raise MalformedRecordError(f"partition key {name} is not a string, number or boolean")
    return value if isinstance(value, str) else json.dumps(value)


def column_values(
    documents: Sequence[Document], names: Sequence[str], serde: Mapping[str, Any] | None
) -> list[list[Any]]:
    """For each column the value of each document, found as OpenX's JSON SerDe finds it; None where there is none.

    By default a key matches without regard to case.
    https://docs.aws.amazon.com/firehose/latest/APIReference/API_OpenXJsonSerDe.html
    """
    options = serde or {}
    fold = bool(options.get("CaseInsensitive", True))
    mapped = options.get("ColumnToJsonKeyMappings") or {}
    keys = [str(mapped.get(name, name)) for name in names]
    if options.get("ConvertDotsInJsonKeysToUnderscores"):
        documents = [{key.replace(".", "_"): value for key, value in document.items()} for document in documents]
    if fold:
        keys = [key.lower() for key in keys]
        documents = [{key.lower(): value for key, value in document.items()} for document in documents]
    return [[document.get(key) for document in documents] for key in keys]


def error_document(
    rejected: Rejected, *, raw_data: str, attempts: int, now: float, table: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The JSON document that Firehose writes for a failed record; `raw_data` is its bytes in base64.

    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
    """
    document: dict[str, Any] = {
        "attemptsMade": attempts,
        "arrivalTimestamp": round(rejected.record.arrived_at * 1000),
        "attemptEndingTimestamp": round(now * 1000),
        "rawData": raw_data,
        "ErrorMessage": rejected.message,
    }
    if rejected.code:
        document["ErrorCode"] = rejected.code
    if table is not None and rejected.output_type == "format-conversion-failed":
        document["dataCatalogTable"] = dict(table)
    return document
