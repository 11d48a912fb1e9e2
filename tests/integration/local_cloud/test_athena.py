"""Athena over a projected table on the local cloud. docs/local-cloud/firehose-and-metrics.md has AWS's pages."""

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.local_cloud.archive import Archive, flush, make_archive, reading

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def archive(mended_cloud: "MendedCloud") -> Archive:
    """300 readings of 100 days, each twice: once as cold chain, once as factory."""
    made = make_archive(mended_cloud, ("s3:PutObject", "arn:aws:s3:::{bucket}/*"), ("glue:GetTableVersions", "*"))
    days = [f"2013-{month:02d}-{day:02d}" for month in range(1, 5) for day in range(1, 26)]
    for application in ("coldchain", "factory"):
        made.put(*(reading(n, day=days[n % 100], application=application) for n in range(300)))
    made.put(reading(900, day="2009-12-31"), reading(901, application="unheard-of"))
    flush(mended_cloud)
    return made


def test_a_table_with_partition_projection_answers_over_hundreds_of_objects(
    archive: Archive, figures: list[str]
) -> None:
    assert len(archive.keys("telemetry/")) >= 200

    started = time.monotonic()
    counted = archive.distinct_keys()

    figures.append(f"a query over {len(archive.keys('telemetry/'))} objects: {time.monotonic() - started:.1f} s")
    assert counted == 300


def test_a_filter_on_the_projected_columns_selects_partitions(archive: Archive) -> None:
    assert archive.distinct_keys("application = 'factory'") == 300
    assert archive.distinct_keys("day = '2013-01-01'") == 3
    assert archive.distinct_keys("application = 'coldchain' AND day BETWEEN '2013-01-01' AND '2013-01-10'") == 30


def test_what_lies_outside_the_projection_is_not_seen(archive: Archive) -> None:
    assert archive.keys("telemetry/application=coldchain/day=2009-12-31/")
    assert archive.keys("telemetry/application=unheard-of/")

    assert archive.distinct_keys("day = '2009-12-31'") == 0
    assert archive.distinct_keys("application = 'unheard-of'") == 0


def test_columns_come_back_with_their_values(archive: Archive) -> None:
    rows = archive.query(
        'SELECT device_id, reading_key, "timestamp", temp_c, door_open, metadata, application, day FROM readings'
        " WHERE application = 'factory' AND day = '2013-01-02' ORDER BY reading_key LIMIT 1"
    )

    assert rows == [["device-1", "0000000000001#-#1", "1", "3.0", "false", "", "factory", "2013-01-02"]]
