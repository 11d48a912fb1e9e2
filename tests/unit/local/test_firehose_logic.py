import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloud.firehose_logic import (
    KEPT_FOR_S,
    LONGEST_RETRY_S,
    NEVER,
    Buffer,
    BufferingHint,
    MalformedRecordError,
    Record,
    Rejected,
    Waiting,
    column_values,
    error_document,
    group,
    joined,
    parse_objects,
    partition_key,
)

HINT = BufferingHint(seconds=1.0, size_bytes=100)


def record(number: int, *, day: str = "2013-12-01", at: float = 0.0) -> Record:
    return Record(str(number), json.dumps({"n": number, "day": day}).encode(), at)


def by_day(document: dict[str, Any]) -> Mapping[str, str]:
    return {"day": partition_key("day", document.get("day"))}


def waiting(*records: Record, attempts: int = 0) -> Waiting:
    return Waiting(records, attempts, 0.0, sum(len(one.data) for one in records))


def test_an_empty_buffer_is_never_due() -> None:
    assert Buffer().due_at(HINT) == NEVER


def test_a_buffer_is_due_an_interval_after_its_first_record() -> None:
    buffer = Buffer()

    buffer.accept(Record("1", b"x", 10.0))
    buffer.accept(Record("2", b"x", 10.9))

    assert buffer.due_at(HINT) == 11.0


def test_a_full_buffer_is_due_at_once() -> None:
    buffer = Buffer()

    buffer.accept(Record("1", b"x" * 100, 10.0))

    assert buffer.due_at(HINT) == 10.0


def test_a_taken_buffer_is_empty() -> None:
    buffer = Buffer()
    buffer.accept(Record("1", b"xyz", 10.0))

    taken = buffer.take(11.0)

    assert ([one.record_id for one in taken.records], taken.size_bytes) == (["1"], 3)
    assert (buffer.records, buffer.size_bytes) == ([], 0)


def test_the_interval_of_the_destination_is_capped() -> None:
    hints = {"BufferingHints": {"IntervalInSeconds": 300, "SizeInMBs": 64}}

    assert BufferingHint.of(hints, longest_s=1.0) == BufferingHint(1.0, 64 * 1024 * 1024)
    assert BufferingHint.of({"BufferingHints": {"IntervalInSeconds": 0}}, longest_s=1.0).seconds == 0.0
    assert BufferingHint.of({}, longest_s=900.0) == BufferingHint(300.0, 5 * 1024 * 1024)


def test_each_wait_after_a_failure_is_twice_the_last_up_to_a_limit() -> None:
    batch, waits = waiting(record(1)), []

    for _ in range(6):
        batch = batch.after_failure(batch.records, now=100.0)
        waits.append(batch.try_at - 100.0)

    assert waits == [1.0, 2.0, 4.0, 8.0, LONGEST_RETRY_S, LONGEST_RETRY_S]


def test_only_what_failed_is_kept_and_only_for_a_day() -> None:
    old, young, delivered = record(1, at=0.0), record(2, at=5.0), record(3, at=5.0)

    kept = waiting(old, young, delivered).after_failure([old, young], now=KEPT_FOR_S)

    assert kept.records == (young,)
    assert kept.size_bytes == len(young.data)


def test_batches_tried_together_keep_every_record() -> None:
    one, other = waiting(record(1), attempts=3), waiting(record(2), record(3), attempts=1)

    together = joined([one, other])

    assert [found.record_id for found in together.records] == ["1", "2", "3"]
    assert (together.attempts, together.size_bytes) == (3, one.size_bytes + other.size_bytes)


def test_records_with_the_same_keys_share_a_delivery_in_their_order() -> None:
    records = [record(1), record(2, day="2013-12-02"), record(3)]

    plan = group(records, keys_of=by_day, converts=True)

    assert [[one.record_id for one in delivery.records] for delivery in plan.deliveries] == [["1", "3"], ["2"]]
    assert [delivery.query_keys for delivery in plan.deliveries] == [{"day": "2013-12-01"}, {"day": "2013-12-02"}]


def test_keys_that_a_function_gave_partition_too() -> None:
    records = [Record("1", b"a", 0.0, {"fleet": "x"}), Record("2", b"b", 0.0, {"fleet": "y"})]

    plan = group(records, keys_of=None, converts=False)

    assert [delivery.lambda_keys for delivery in plan.deliveries] == [{"fleet": "x"}, {"fleet": "y"}]


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"  ", b"not json", b"5", b"[{}]", b"{}", b"\xff", b"[" * 99_999),
        *(b'{"day": null}', b'{"day": {}}', b'{"day": ""}', b'{"day": NaN}'),
        b'{"day": "1"}{"day": "2"}',
    ],
)
def test_a_record_without_a_partition_key_is_rejected_alone(data: bytes) -> None:
    bad = Record("bad", data, 0.0)

    plan = group([record(1), bad, record(2)], keys_of=by_day, converts=True)

    assert [one.record_id for one in plan.deliveries[0].records] == ["1", "2"]
    assert [(one.record, one.output_type) for one in plan.rejected] == [(bad, "processing-failed")]


def test_a_record_that_is_only_converted_fails_in_the_conversion() -> None:
    plan = group([Record("bad", b"no", 0.0)], keys_of=None, converts=True)

    assert [one.output_type for one in plan.rejected] == ["format-conversion-failed"]


def test_records_that_are_neither_partitioned_nor_converted_are_not_looked_into() -> None:
    plan = group([Record("1", b"\xff", 0.0)], keys_of=None, converts=False)

    assert plan.deliveries[0].documents == ((),)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans())))
def test_no_record_is_lost_or_doubled_by_grouping(given_records: list[tuple[str, bool]]) -> None:
    records = [
        record(number, day=day) if good else Record(str(number), b"bad", 0.0)
        for number, (day, good) in enumerate(given_records)
    ]

    plan = group(records, keys_of=by_day, converts=True)

    found = [one.record_id for delivery in plan.deliveries for one in delivery.records]
    assert sorted(found + [one.record.record_id for one in plan.rejected]) == sorted(one.record_id for one in records)


def test_several_objects_may_stand_in_one_record() -> None:
    assert parse_objects(b'{"a": 1} {"a": 2}\n{"a": 3}\n') == ({"a": 1}, {"a": 2}, {"a": 3})
    with pytest.raises(MalformedRecordError):
        parse_objects(b'{"a": 1} 2')


def test_a_number_or_boolean_is_a_partition_key_as_json_writes_it() -> None:
    assert [partition_key("k", value) for value in (5, 1.5, True)] == ["5", "1.5", "true"]


def test_columns_find_their_keys_without_regard_to_case_unless_told() -> None:
    documents = [{"Temp_C": 1}, {"temp_c": 2}]

    assert column_values(documents, ["temp_c"], None) == [[1, 2]]
    assert column_values(documents, ["temp_c"], {"CaseInsensitive": False}) == [[None, 2]]


def test_columns_follow_mapped_keys_and_dots() -> None:
    serde = {"ColumnToJsonKeyMappings": {"moment": "timestamp"}, "ConvertDotsInJsonKeysToUnderscores": True}

    assert column_values([{"timestamp": 1, "a.b": 2}], ["moment", "a_b"], serde) == [[1], [2]]


def test_an_error_document_tells_what_aws_documents() -> None:
    rejected = Rejected(Record("1", b"x", 1.5), "format-conversion-failed", "does not fit", "Code")

    assert error_document(rejected, raw_data="eA==", attempts=1, now=2.0, table={"tableName": "t"}) == {
        "attemptsMade": 1,
        "arrivalTimestamp": 1500,
        "attemptEndingTimestamp": 2000,
        "rawData": "eA==",
        "ErrorCode": "Code",
        "ErrorMessage": "does not fit",
        "dataCatalogTable": {"tableName": "t"},
    }
