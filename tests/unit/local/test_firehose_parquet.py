import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from local.cloud.firehose_parquet import UnknownTypeError, arrow_type, convert, parquet_bytes

TEN = datetime(2013, 12, 1, 10)  # noqa: DTZ001 - a Hive timestamp has no time zone
TEN_AND_A_HALF_S = TEN.replace(microsecond=500_000)


def converted(hive: str, *values: Any) -> tuple[list[Any], set[int]]:
    """What a column of this type holds after the conversion of one document per value, and which did not fit."""
    table, misfits = convert([{"c": value} for value in values], [{"Name": "c", "Type": hive}], None)
    return table.column("c").to_pylist(), misfits


@pytest.mark.parametrize(
    ("hive", "arrow"),
    [
        ("string", pa.string()),
        ("varchar(20)", pa.string()),
        ("bigint", pa.int64()),
        ("INT", pa.int32()),
        ("double", pa.float64()),
        ("boolean", pa.bool_()),
        ("timestamp", pa.timestamp("ms")),
        ("decimal(10,2)", pa.decimal128(10, 2)),
        ("array<int>", pa.list_(pa.int32())),
        ("map<string,double>", pa.map_(pa.string(), pa.float64())),
        (
            "struct<lat:double,tags:array<string>,cost:decimal(5,1)>",
            pa.struct([("lat", pa.float64()), ("tags", pa.list_(pa.string())), ("cost", pa.decimal128(5, 1))]),
        ),
    ],
)
def test_a_glue_type_has_its_arrow_type(hive: str, arrow: pa.DataType) -> None:
    assert arrow_type(hive) == arrow


def test_a_type_that_hive_does_not_have_is_named() -> None:
    with pytest.raises(UnknownTypeError, match="number"):
        arrow_type("number")


@pytest.mark.parametrize(
    ("hive", "values", "expected"),
    [
        ("double", [1, 2.5, "3.5", None], [1.0, 2.5, 3.5, None]),
        ("double", [2**60 + 1], [float(2**60)]),
        ("bigint", [1, 2.0, "3", None], [1, 2, 3, None]),
        ("string", ["a", 5, True, {"b": [1]}, None], ["a", "5", "true", '{"b": [1]}', None]),
        ("boolean", [True, "false", None], [True, False, None]),
        ("timestamp", ["2013-12-01 10:00:00.5", 1385892000, 1385892000500], [TEN_AND_A_HALF_S, TEN, TEN_AND_A_HALF_S]),
        ("timestamp", ["2013-12-01T12:00:00+02:00"], [TEN]),
        ("date", ["2013-12-01"], [date(2013, 12, 1)]),
        ("decimal(6,2)", ["1.25", 3], [Decimal("1.25"), Decimal("3.00")]),
        ("struct<lat:double>", [{"lat": 1.5, "more": 2}, None], [{"lat": 1.5}, None]),
        ("array<int>", [[1, 2], []], [[1, 2], []]),
    ],
)
def test_values_are_read_as_the_serde_reads_them(hive: str, values: list[Any], expected: list[Any]) -> None:
    assert converted(hive, *values) == (expected, set())


@pytest.mark.parametrize(
    ("hive", "value"),
    [
        ("double", "warm"),
        ("double", True),
        ("bigint", 1.5),
        ("bigint", True),
        ("bigint", 2**70),
        ("int", 2**40),
        ("boolean", 1),
        ("string", "\ud800"),
        ("timestamp", "yesterday"),
        ("timestamp", 1e300),
        ("date", "2013-13-01"),
        ("decimal(4,2)", "12345.6"),
        ("struct<lat:double>", 5),
        ("array<int>", ["x"]),
    ],
)
def test_a_value_of_another_type_leaves_out_its_own_document_alone(hive: str, value: Any) -> None:
    rest, misfits = converted(hive, None, value, None)

    assert (rest, misfits) == ([None, None], {1})


def test_a_document_is_left_out_whole() -> None:
    columns = [{"Name": "a", "Type": "int"}, {"Name": "b", "Type": "int"}]

    table, misfits = convert([{"a": 1, "b": 1}, {"a": 2, "b": "x"}, {"a": "y", "b": 3}], columns, None)

    assert (table.to_pylist(), misfits) == ([{"a": 1, "b": 1}], {1, 2})


@pytest.mark.parametrize("compression", ["SNAPPY", "GZIP", "UNCOMPRESSED"])
def test_parquet_is_read_back_with_its_compression(compression: str) -> None:
    table, _ = convert([{"c": "x"}], [{"Name": "c", "Type": "string"}], None)

    file = parquet.ParquetFile(io.BytesIO(parquet_bytes(table, compression)))

    assert file.read().to_pylist() == [{"c": "x"}]
    assert file.metadata.row_group(0).column(0).compression == compression


@given(
    st.lists(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
)
def test_no_value_is_an_error(values: list[Any]) -> None:
    for hive in ("string", "bigint", "double", "boolean", "timestamp"):
        rest, misfits = converted(hive, *values)

        assert len(rest) + len(misfits) == len(values)
