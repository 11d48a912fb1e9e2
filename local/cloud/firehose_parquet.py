"""Turns JSON documents into one Parquet object with the columns of a Glue table, many records at a time.

https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from local.cloud.firehose_logic import Document, column_values

_SIMPLE = {
    "string": pa.string(),
    "varchar": pa.string(),
    "char": pa.string(),
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("ms"),
    "binary": pa.binary(),
}
_MISFITS = (ValueError, TypeError, ArithmeticError, OSError, pa.ArrowException)
"""What Python and Arrow raise for a value that is not of its column's type."""


class UnknownTypeError(Exception):
    """A column of the Glue table has a type that cannot be written."""


def arrow_type(hive: str) -> pa.DataType:
    """The Arrow type of a Glue column's type, nested ones included; UnknownTypeError for what Hive does not have."""
    name, _, inside = hive.strip().lower().partition("<")
    parts = _split(inside.removesuffix(">"))
    match name.partition("(")[0], parts:
        case "array", [element]:
            return pa.list_(arrow_type(element))
        case "map", [key, value]:
            return pa.map_(arrow_type(key), arrow_type(value))
        case "struct", fields:
            return pa.struct(
                [(field.partition(":")[0].strip(), arrow_type(field.partition(":")[2])) for field in fields]
            )
        case "decimal", _:
            digits = [int(part) for part in name.partition("(")[2].removesuffix(")").split(",") if part]
            return pa.decimal128(*(digits or [10, 0]))
        case simple, _ if simple in _SIMPLE:
            return _SIMPLE[simple]
    raise UnknownTypeError(f"the table has a column of type {hive!r}, which is not a Hive type")


def _field(name: str, hive: str) -> tuple[str, pa.DataType]:
    return name.strip(), arrow_type(hive)


def _split(inside: str) -> list[str]:
    """The comma-separated parts, commas within `<>` and `()` left alone."""
    parts, depth = [""], 0
    for letter in inside:
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def convert(
    documents: Sequence[Document], columns: Sequence[Mapping[str, Any]], serde: Mapping[str, Any] | None
) -> tuple[pa.Table, set[int]]:
    """A table of the documents that fit the columns, and the positions of those that do not, which are left out."""
    names = [str(column["Name"]) for column in columns]
    types = [arrow_type(str(column.get("Type", "string"))) for column in columns]
    misfits: set[int] = set()
    arrays = []
    for values, kind in zip(column_values(documents, names, serde), types, strict=True):
        array, unfit = _column(values, kind)
        arrays.append(array)
        misfits |= unfit
    table = pa.table(arrays, schema=pa.schema(list(zip(names, types, strict=True))))
    if misfits:
        table = table.filter(pa.array([at not in misfits for at in range(len(documents))]))
    return table, misfits


def parquet_bytes(table: pa.Table, compression: str) -> bytes:
    """The Parquet object; `compression` as Firehose names it: SNAPPY, GZIP or UNCOMPRESSED."""
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression={"UNCOMPRESSED": "none"}.get(compression, compression.lower()))
    return bytes(sink.getvalue())


def _column(values: list[Any], kind: pa.DataType) -> tuple[pa.Array, set[int]]:
    """The values as one array, and where one does not fit: all at once when they plainly fit, else one by one."""
    if set(map(type, values)) <= _plain(kind):
        try:
            return pa.array(values, type=kind), set()
        except _MISFITS:
            pass  # one of them is out of range: found below
    fitted: list[Any] = []
    unfit: set[int] = set()
    for at, value in enumerate(values):
        try:
            coerced = _coerced(value, kind)
            pa.scalar(coerced, type=kind)
        except _MISFITS:
            coerced = None
            unfit.add(at)
        fitted.append(coerced)
    return pa.array(fitted, type=kind), unfit


def _plain(kind: pa.DataType) -> set[type]:
    """The Python types that Arrow takes for this type without changing a value."""
    if pa.types.is_string(kind):
        return {str, NoneType}
    if pa.types.is_boolean(kind):
        return {bool, NoneType}
    if pa.types.is_integer(kind):
        return {int, NoneType}
    return {float, int, NoneType} if pa.types.is_floating(kind) else {NoneType}


def _coerced(value: Any, kind: pa.DataType) -> Any:
    """The value as the SerDe would read it: text that holds a number is one, what is not text becomes its JSON."""
    if value is None or pa.types.is_nested(kind):
        return value
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if pa.types.is_boolean(kind):
        return _boolean(value)
    if pa.types.is_temporal(kind):
        return _time(value, kind)
    return value.encode() if pa.types.is_binary(kind) else _number(value, kind)


def _boolean(value: Any) -> bool:
    match value:
        case bool():
            return value
        case str() if value.lower() in {"true", "false"}:
            return value.lower() == "true"
    raise TypeError(f"{type(value).__name__} is not a boolean")


def _number(value: Any, kind: pa.DataType) -> int | float | Decimal:
    if isinstance(value, bool):
        raise TypeError("a boolean is not a number")
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_decimal(kind):
        return Decimal(str(value))
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("a fraction is not a whole number")
    return int(value)


def _time(value: Any, kind: pa.DataType) -> date | datetime:
    """Text such as `2026-11-20 08:30:00.125` (UTC unless it says otherwise), or an epoch in seconds or milliseconds."""
    if pa.types.is_date(kind):
        return date.fromisoformat(_text(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000 if abs(value) >= 1e11 else value, UTC).replace(tzinfo=None)
    moment = datetime.fromisoformat(_text(value))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not text")
    return value
