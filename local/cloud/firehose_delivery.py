"""Carries records to S3 as a delivery stream is configured: keys, conversion, prefix, the role it acts under.

Called on the delivery thread, inside the request scope of the delivery stream's account and region.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from time import struct_time
from typing import Any
from zoneinfo import ZoneInfo

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import firehose, glue, s3

from local.cloud import firehose_parquet
from local.cloud.firehose_logic import (
    Delivery,
    Document,
    MalformedRecordError,
    Record,
    Rejected,
    error_document,
    group,
    partition_key,
)
from local.cloud.service_roles import service_role_denial

logger = logging.getLogger("coldwatch.firehose")

PRINCIPAL = "firehose.amazonaws.com"
_MISMATCH = ("DataFormatConversion.MalformedData", "Data does not match the schema.")
_NO_TABLE = ("DataFormatConversion.EntityNotFound", "The specified table/database could not be found.")
_NO_COLUMN_TYPE = "DataFormatConversion.InvalidSchema"
_NO_SERIALIZER = ("DataFormatConversion.ConversionFailureException", "Only Parquet output is converted to locally.")


class UndeliveredError(Exception):
    """S3 or the table could not be reached now: the records are to be kept and tried again. Says why."""


@dataclass(slots=True)
class Outcome:
    """What one round of deliveries came to."""

    puts: int = 0
    failed_puts: int = 0
    delivered: int = 0
    undelivered: list[Record] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Destination:
    """An S3 destination of a delivery stream, as its configuration stands now."""

    stream: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def bucket(self) -> str:
        return str(self.config.get("BucketARN", "")).rpartition(":")[2]

    @property
    def conversion(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] = self.config.get("DataFormatConversionConfiguration") or {}
        return found if found and found.get("Enabled", True) else None

    def key(self, prefix: str, moment: struct_time, extension: str) -> str:
        """https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html"""
        stamp = firehose._java_time("yyyy-MM-dd-HH-mm-ss", moment)  # noqa: SLF001 - as upstream names its objects
        name = f"{self.stream['name']}-{self.stream.get('version', 1)}-{stamp}-{new_uuid()}"
        return f"{prefix}{name}{self.config.get('FileExtension') or extension}"

    def moment(self, at: float) -> struct_time:
        """`at` in the destination's time zone: a prefix is evaluated with the arrival of the object's oldest record."""
        zone = self.config.get("CustomTimeZone") or "UTC"
        return datetime.fromtimestamp(at, UTC if zone == "UTC" else ZoneInfo(zone)).timetuple()


def transform(stream: Mapping[str, Any], destination: Mapping[str, Any], records: Sequence[Record]) -> list[Record]:
    """The records after the destination's Lambda processors, with the partition keys these gave."""
    keys: dict[str, Mapping[str, str]] = {}
    given = [(record.record_id, record.data) for record in records]
    left = firehose._apply_lambda_processors(stream, destination, given, partition_sink=keys)  # noqa: SLF001 - upstream calls it per record
    arrived = {record.record_id: record.arrived_at for record in records}
    return [Record(name, data, arrived[name], keys.get(name, {})) for name, data in left]


def deliver(destination: Destination, records: Sequence[Record], *, attempts: int, now: float) -> Outcome:
    """Write the records, one object for each group with equal partition keys; what failed is in the outcome."""
    outcome = Outcome()
    plan = group(records, keys_of=_keys_of(destination.config), converts=destination.conversion is not None)
    rejected = list(plan.rejected)
    for delivery in plan.deliveries:
        try:
            rejected += _deliver_group(destination, delivery, outcome)
        except UndeliveredError as error:
            _note_failure(outcome, delivery.records, error)
    in_order = sorted(rejected, key=attrgetter("output_type"))
    for output_type, members in groupby(in_order, key=attrgetter("output_type")):
        _deliver_rejected(destination, output_type, list(members), outcome, attempts=attempts, now=now)
    return outcome


def _note_failure(outcome: Outcome, records: Iterable[Record], error: UndeliveredError) -> None:
    outcome.failed_puts += 1
    outcome.undelivered += records
    outcome.reasons.add(str(error))


def _deliver_group(destination: Destination, delivery: Delivery, outcome: Outcome) -> list[Rejected]:
    """Put the group's object; answers the records that could not be converted. Raises UndeliveredError."""
    moment = destination.moment(delivery.oldest)
    try:
        prefix = firehose._evaluate_prefix(  # noqa: SLF001 - the prefix language is right upstream
            destination.config.get("Prefix", ""), moment, delivery.query_keys, delivery.lambda_keys
        )
    except firehose._DeliveryError as error:  # noqa: SLF001 - what it raises
        return [Rejected(record, error.output_type, error.message) for record in delivery.records]
    body, extension, rejected = _body(destination, delivery)
    if body:
        _put(destination, destination.key(prefix, moment, extension), body)
        outcome.puts += 1
        outcome.delivered += len(delivery.records) - len(rejected)
    return rejected


def _body(destination: Destination, delivery: Delivery) -> tuple[bytes, str, list[Rejected]]:
    """The object's bytes (none when no record fits), its extension, and the records that do not fit."""
    if destination.conversion is not None:
        return _converted(destination.conversion, delivery)
    return b"".join(record.data for record in delivery.records), "", []


def _converted(conversion: Mapping[str, Any], delivery: Delivery) -> tuple[bytes, str, list[Rejected]]:
    serializer = (conversion.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
    if "ParquetSerDe" not in serializer:
        return b"", "", _unconverted(delivery.records, *_NO_SERIALIZER)
    columns = _columns(conversion.get("SchemaConfiguration") or {})
    if not columns:
        return b"", "", _unconverted(delivery.records, *_NO_TABLE)
    deserializer = (conversion.get("InputFormatConfiguration") or {}).get("Deserializer") or {}
    try:
        table, misfits = _table(delivery, columns, deserializer.get("OpenXJsonSerDe"))
    except firehose_parquet.UnknownTypeError as error:
        return b"", "", _unconverted(delivery.records, _NO_COLUMN_TYPE, str(error))
    compression = (serializer["ParquetSerDe"] or {}).get("Compression", "SNAPPY")
    body = firehose_parquet.parquet_bytes(table, compression) if table.num_rows else b""
    return body, ".parquet", _unconverted([delivery.records[at] for at in sorted(misfits)], *_MISMATCH)


def _table(delivery: Delivery, columns: Sequence[Mapping[str, Any]], serde: Any) -> tuple[Any, set[int]]:
    """The Parquet table, and the positions of the records that do not fit it: a record is in it whole or not at all."""
    owners = [at for at, documents in enumerate(delivery.documents) for _ in documents]
    flat = [document for documents in delivery.documents for document in documents]
    table, misfits = firehose_parquet.convert(flat, columns, serde)
    unfit = {owners[at] for at in misfits}
    if len(flat) > len(delivery.records) and unfit:
        table, _ = firehose_parquet.convert(
            [document for documents in delivery.without(unfit).documents for document in documents], columns, serde
        )
    return table, unfit


def _unconverted(records: Iterable[Record], code: str, message: str) -> list[Rejected]:
    return [Rejected(record, "format-conversion-failed", message, code) for record in records]


def _columns(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The Glue table's columns, none when there is no table. Raises UndeliveredError when the role may not look."""
    database, table = schema.get("DatabaseName", ""), schema.get("TableName", "")
    own = f"arn:aws:glue:{schema.get('Region') or get_region()}:{schema.get('CatalogId') or get_account_id()}"
    for resource in (f"{own}:catalog", f"{own}:database/{database}", f"{own}:table/{database}/{table}"):
        _require(str(schema.get("RoleARN", "")), "glue:GetTableVersions", resource)
    found = glue._tables.get(f"{database}/{table}") or {}  # noqa: SLF001 - the store has no other reader
    columns: Sequence[Mapping[str, Any]] = (found.get("StorageDescriptor") or {}).get("Columns") or []
    return columns


def _require(role_arn: str, action: str, resource_arn: str) -> None:
    """https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"""
    if denial := service_role_denial(role_arn, PRINCIPAL, action, resource_arn):
        raise UndeliveredError(denial)


def _put(destination: Destination, key: str, body: bytes) -> None:
    """Write the object under the destination's role. Raises UndeliveredError."""
    bucket = destination.bucket
    _require(str(destination.config.get("RoleARN", "")), "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
    headers = {"content-type": "application/octet-stream", "content-length": str(len(body)), "host": "s3.localhost"}
    status, _, answer = asyncio.run(s3.handle_request("PUT", f"/{bucket}/{key}", headers, body, {}, internal=True))
    if status >= 300:
        raise UndeliveredError(
            f"S3 answered {status} for s3://{bucket}/{key}: {bytes(answer).decode(errors='replace')}"
        )


def _deliver_rejected(
    destination: Destination,
    output_type: str,
    rejected: Sequence[Rejected],
    outcome: Outcome,
    *,
    attempts: int,
    now: float,
) -> None:
    """One object of JSON lines under ErrorOutputPrefix, a document for each record."""
    moment = destination.moment(min(one.record.arrived_at for one in rejected))
    documents = [_error_document(destination, one, attempts=attempts, now=now) for one in rejected]
    body = "".join(json.dumps(document) + "\n" for document in documents).encode()
    try:
        _put(destination, destination.key(_error_prefix(destination, output_type, moment), moment, ""), body)
        outcome.puts += 1
    except UndeliveredError as error:
        _note_failure(outcome, (one.record for one in rejected), error)


def _error_prefix(destination: Destination, output_type: str, moment: struct_time) -> str:
    template = destination.config.get("ErrorOutputPrefix")
    if template:
        return str(firehose._evaluate_prefix(template, moment, error_type=output_type))  # noqa: SLF001 - as for Prefix
    return f"{output_type}/{firehose._java_time('yyyy/MM/dd/HH/', moment)}"  # noqa: SLF001 - likewise


def _error_document(destination: Destination, rejected: Rejected, *, attempts: int, now: float) -> dict[str, Any]:
    schema = (destination.conversion or {}).get("SchemaConfiguration") or {}
    table = {
        "catalogId": schema.get("CatalogId") or get_account_id(),
        "databaseName": schema.get("DatabaseName"),
        "tableName": schema.get("TableName"),
        "region": schema.get("Region") or get_region(),
        "versionId": schema.get("VersionId", "LATEST"),
    }
    raw = base64.b64encode(rejected.record.data).decode()
    return error_document(rejected, raw_data=raw, attempts=attempts, now=now, table=table)


def _keys_of(config: Mapping[str, Any]) -> Callable[[Document], Mapping[str, str]] | None:
    """How a document's partition keys are found; None when the destination partitions by no query."""
    query = _query(config)
    if query is None or not (config.get("DynamicPartitioningConfiguration") or {}).get("Enabled"):
        return None

    def keys(document: Document) -> Mapping[str, str]:
        return {name: partition_key(name, _value(document, path, calls)) for name, path, calls in _parsed(query)}

    return keys


def _value(document: Document, path: Any, calls: Any) -> Any:
    try:
        return firehose._jq_value(document, path, calls)  # noqa: SLF001 - upstream's reading of jq is sound
    except ValueError as error:
        raise MalformedRecordError(str(error)) from error


def _query(config: Mapping[str, Any]) -> str | None:
    processing = config.get("ProcessingConfiguration") or {}
    for processor in (processing.get("Processors") or []) if processing.get("Enabled") else []:
        for parameter in processor.get("Parameters") or []:
            if parameter.get("ParameterName") == "MetadataExtractionQuery":
                return str(parameter.get("ParameterValue"))
    return None


@lru_cache(maxsize=64)
def _parsed(query: str) -> tuple[Any, ...]:
    try:
        return tuple(firehose._jq_parse(query))  # noqa: SLF001 - likewise
    except ValueError as error:
        raise MalformedRecordError(f"the metadata extraction query cannot be read: {error}") from error
