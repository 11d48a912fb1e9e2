"""A backtest on telemetry in a bucket."""

import io
import json
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from coldwatch_ops.main import main

MODEL = Path(__file__).resolve().parents[3] / "detectors" / "models" / "sustained_excursion_high.json"
T0 = 1_767_225_600_000


def parquet(device: str) -> bytes:
    rows = [
        {
            "device_id": device,
            "timestamp": T0 + minute * 60_000,
            "received_at": T0 + minute * 60_000 + 200,
            "seq": minute,
            "temp_c": 12.0 if 10 <= minute < 40 else 4.0,
            "reading_key": f"{T0 + minute * 60_000:013d}#-#{minute}",
        }
        for minute in range(60)
    ]
    written = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), written)
    return written.getvalue()


def test_the_archive_in_its_bucket_is_read_by_its_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="archive")
        for device in ("a", "b"):
            key = f"telemetry/application=coldchain/day=2026-01-01/{device}.parquet"
            s3.put_object(Bucket="archive", Key=key, Body=parquet(device))
        s3.put_object(Bucket="archive", Key="errors/x.parquet", Body=b"not looked at")

        code = main(
            ["backtest", str(MODEL), "--telemetry", "s3://archive/telemetry/", "--json", "--region", "us-east-1"]
        )

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert document["telemetry"]["files"] == 2
    assert [each["key"] for each in document["candidates"][0]["firings"]] == ["a", "b"]


def test_a_bucket_that_is_not_there_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with mock_aws():
        code = main(["backtest", str(MODEL), "--telemetry", "s3://nobodys/telemetry/", "--region", "us-east-1"])

    assert code == 1
    assert "ListObjectsV2 failed (NoSuchBucket)" in capsys.readouterr().err
