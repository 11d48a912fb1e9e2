"""`polars`: one query over the whole file, on one thread."""

from pathlib import Path

import polars as pl
from polars import col

from benchmarks.reference import Alarm, paired

MEMBERS = {"device_id": pl.String, "timestamp": pl.Int64, "temp_c": pl.Float64}


class Candidate:
    def __init__(self) -> None:
        self._readings = self._found = pl.DataFrame()

    def read(self, path: Path) -> None:
        self._readings = pl.read_ndjson(path, schema=MEMBERS)

    def find(self) -> None:
        """Devices that were never above the limit have no alarm: the query looks at the others only."""
        hot, cool = col("temp_c") > 8.0, col("temp_c") <= 7.5
        concerned = self._readings.filter(hot).select("device_id").unique()
        runs = self._readings.join(concerned, on="device_id", how="semi").with_columns(
            # The number of a run is how many messages before it broke one.
            hot_run=hot.not_().cum_sum().over("device_id"),
            cool_run=cool.not_().cum_sum().over("device_id"),
        )
        ages = runs.with_columns(
            hot_age=col("timestamp") - pl.when(hot).then("timestamp").min().over("device_id", "hot_run"),
            cool_age=col("timestamp") - pl.when(cool).then("timestamp").min().over("device_id", "cool_run"),
        )
        told = ages.select(
            *("device_id", "timestamp"),
            has_begun=pl.when(hot & (col("hot_age") >= 120_000))
            .then(statement=True)
            .when(cool & (col("cool_age") >= 60_000))
            .then(statement=False),
        ).drop_nulls()
        before = col("has_begun").shift(1, fill_value=False).over("device_id")
        self._found = told.filter(col("has_begun") != before)

    def answer(self) -> list[Alarm]:
        return paired(self._found.rows())
