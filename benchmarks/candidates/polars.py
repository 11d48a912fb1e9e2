"""`polars`: one query over the whole file, on one thread."""

from pathlib import Path

import polars
from polars import col

from benchmarks.reference import Alarm, paired

MEMBERS = {"device_id": polars.String, "timestamp": polars.Int64, "temp_c": polars.Float64}


class Candidate:
    def __init__(self) -> None:
        self._found = polars.DataFrame()

    def read(self, path: Path) -> None:
        self._read(path)

    def _read(self, path: Path) -> polars.DataFrame:
        return polars.read_ndjson(path, schema=MEMBERS)

    def run(self, path: Path) -> None:
        """Devices that were never above the limit have no alarm: the query looks at the others only."""
        hot, cool = col("temp_c") > 8.0, col("temp_c") <= 7.5
        readings = self._read(path)
        concerned = readings.filter(hot).select("device_id").unique()
        runs = readings.join(concerned, on="device_id", how="semi").with_columns(
            # The number of a run is how many messages before it broke one.
            hot_run=hot.not_().cum_sum().over("device_id"),
            cool_run=cool.not_().cum_sum().over("device_id"),
        )
        ages = runs.with_columns(
            hot_age=col("timestamp") - polars.when(hot).then("timestamp").min().over("device_id", "hot_run"),
            cool_age=col("timestamp") - polars.when(cool).then("timestamp").min().over("device_id", "cool_run"),
        )
        told = ages.select(
            *("device_id", "timestamp"),
            has_begun=polars.when(hot & (col("hot_age") >= 120_000))
            .then(statement=True)
            .when(cool & (col("cool_age") >= 60_000))
            .then(statement=False),
        ).drop_nulls()
        before = col("has_begun").shift(1, fill_value=False).over("device_id")
        self._found = told.filter(col("has_begun") != before)

    def answer(self) -> list[Alarm]:
        return paired(self._found.rows())
