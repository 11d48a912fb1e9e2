"""Firehose on the local cloud, against the behaviour that AWS documents.

docs/local-cloud/firehose-and-metrics.md has the pages.
"""

import base64
import json
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.local_cloud.archive import Archive, flush, make_archive, reading
from tests.integration.local_cloud.devices import client, eventually

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

ENOUGH = (("s3:PutObject", "arn:aws:s3:::{bucket}/*"), ("glue:GetTableVersions", "*"))


@pytest.fixture
def archive(mended_cloud: "MendedCloud") -> Archive:
    return make_archive(mended_cloud, *ENOUGH)


def test_what_is_put_is_in_the_archive_within_seconds_without_being_asked_for(archive: Archive) -> None:
    archive.put(reading(1))

    assert eventually(lambda: archive.keys("telemetry/"), within_s=5)


def test_records_of_one_partition_share_one_parquet_object(mended_cloud: "MendedCloud", archive: Archive) -> None:
    archive.put(*(reading(number, day="2013-12-01") for number in range(40)), reading(40, day="2013-12-02"))

    flush(mended_cloud)
    keys = archive.keys("telemetry/")
    first = [key for key in keys if key.startswith("telemetry/application=coldchain/day=2013-12-01/")]
    assert len(first) == 1
    assert first[0].endswith(".parquet")
    assert archive.read(first[0])[:4] == b"PAR1"
    assert len(keys) == 2
    assert archive.query("SELECT count(*), sum(temp_c), min(door_open) FROM readings WHERE day = '2013-12-01'") == [
        ["40", "160.0", "false"]
    ]


def test_a_record_that_does_not_fit_the_table_goes_alone_to_the_error_output(
    mended_cloud: "MendedCloud", archive: Archive
) -> None:
    misfit = reading(2, temp_c="warm")

    archive.put(reading(1), misfit, reading(3))
    flush(mended_cloud)

    assert archive.distinct_keys() == 2
    (key,) = archive.keys("errors/format-conversion-failed/")
    document = json.loads(archive.read(key))
    assert base64.b64decode(document["rawData"]) == misfit
    assert document["attemptsMade"] == 1
    assert document["ErrorCode"] == "DataFormatConversion.MalformedData"
    assert document["dataCatalogTable"]["tableName"] == "readings"
    assert document["arrivalTimestamp"] <= document["attemptEndingTimestamp"]


def test_records_whose_partition_cannot_be_told_go_to_the_error_output(
    mended_cloud: "MendedCloud", archive: Archive
) -> None:
    archive.put(b"not json", b'{"application": "coldchain"}', reading(3))
    flush(mended_cloud)

    assert archive.distinct_keys() == 1
    (key,) = archive.keys("errors/processing-failed/")
    raw = [base64.b64decode(json.loads(line)["rawData"]) for line in archive.read(key).splitlines()]
    assert raw == [b"not json", b'{"application": "coldchain"}']


def test_a_role_without_permission_delivers_nothing_until_it_is_given(mended_cloud: "MendedCloud") -> None:
    archive = make_archive(mended_cloud, ("glue:GetTableVersions", "*"))
    archive.put(*(reading(number) for number in range(5)))
    flush(mended_cloud)
    assert archive.keys("") == []

    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{archive.bucket}/*"}
    client(mended_cloud, "iam").put_role_policy(
        RoleName=archive.role_arn.rpartition("/")[2],
        PolicyName="write",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    flush(mended_cloud)

    assert archive.distinct_keys() == 5


def test_a_role_that_may_not_read_the_table_converts_nothing(mended_cloud: "MendedCloud") -> None:
    archive = make_archive(mended_cloud, ("s3:PutObject", "arn:aws:s3:::{bucket}/*"))

    archive.put(reading(1))
    flush(mended_cloud)

    assert archive.keys("") == []
    assert "glue:GetTableVersions" in mended_cloud.log.read_text()


def test_a_stream_that_reads_kinesis_delivers_as_it_is(mended_cloud: "MendedCloud", archive: Archive) -> None:
    kinesis, firehose = client(mended_cloud, "kinesis"), client(mended_cloud, "firehose")
    kinesis.create_stream(StreamName=archive.name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=archive.name, WaiterConfig={"Delay": 1})
    arn = kinesis.describe_stream(StreamName=archive.name)["StreamDescription"]["StreamARN"]
    firehose.create_delivery_stream(
        DeliveryStreamName=f"{archive.name}-kinesis",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": archive.role_arn},
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{archive.bucket}",
            "RoleARN": archive.role_arn,
            "Prefix": "raw/",
        },
    )

    kinesis.put_records(StreamName=archive.name, Records=[{"Data": f"{n};", "PartitionKey": "k"} for n in range(9)])
    flush(mended_cloud)

    assert b"".join(archive.read(key) for key in archive.keys("raw/")) == b"0;1;2;3;4;5;6;7;8;"


def test_a_delivery_stream_reports_what_came_and_how_fresh_it_left(
    mended_cloud: "MendedCloud", archive: Archive
) -> None:
    archive.put(*(reading(number) for number in range(30)))
    flush(mended_cloud)

    assert _metric(mended_cloud, archive, "IncomingRecords", "Sum") == 30
    assert _metric(mended_cloud, archive, "DeliveryToS3.Success", "Minimum") == 1
    assert 0 <= _metric(mended_cloud, archive, "DeliveryToS3.DataFreshness", "Maximum") < 10


def _metric(cloud: "MendedCloud", archive: Archive, metric: str, statistic: str) -> float:
    now = datetime.now(UTC)
    points = client(cloud, "cloudwatch").get_metric_statistics(
        Namespace="AWS/Firehose",
        MetricName=metric,
        Dimensions=[{"Name": "DeliveryStreamName", "Value": archive.stream}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=[statistic],
    )["Datapoints"]
    return float(points[0][statistic])


def test_a_recording_of_eighty_days_is_queryable_after_its_last_record(archive: Archive, figures: list[str]) -> None:
    days = [str(date(2013, 12, 1) + timedelta(days=number)) for number in range(80)]
    records = [reading(number, day=days[number * 80 // 22_695]) for number in range(22_695)]

    archive.put(*records)
    ended = time.monotonic()
    found = eventually(lambda: archive.distinct_keys() == 22_695, within_s=60)

    assert found
    figures.append(f"22,695 records of 80 days: queryable {time.monotonic() - ended:.1f} s after the last was put")
