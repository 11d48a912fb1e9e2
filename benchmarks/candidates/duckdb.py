"""`duckdb`: one query over the whole file, on one thread."""

from pathlib import Path

import duckdb

from benchmarks.reference import Alarm, paired

READ = """
create temp table readings as
select * from read_json($path, format = 'newline_delimited',
    columns = {device_id: 'varchar', "timestamp": 'bigint', temp_c: 'double'})
"""
# Devices that were never above the limit have no alarm: the query looks at the others only. The number of a run is how
# many messages before it broke one.
QUERY = """
with runs as (
    select *,
        count(*) filter (temp_c <= 8.0) over so_far as hot_run,
        count(*) filter (temp_c > 7.5) over so_far as cool_run
    from readings where device_id in (select device_id from readings where temp_c > 8.0)
    window so_far as (partition by device_id order by timestamp)
), ages as (
    select *,
        timestamp - min(timestamp) filter (temp_c > 8.0) over (partition by device_id, hot_run) as hot_age,
        timestamp - min(timestamp) filter (temp_c <= 7.5) over (partition by device_id, cool_run) as cool_age
    from runs
), told as (
    select device_id, timestamp, temp_c > 8.0 as has_begun
    from ages where (temp_c > 8.0 and hot_age >= 120000) or (temp_c <= 7.5 and cool_age >= 60000)
)
select * from told
qualify has_begun != lag(has_begun, 1, false) over (partition by device_id order by timestamp)
order by timestamp
"""


class Candidate:
    def __init__(self) -> None:
        self._database = duckdb.connect(config={"threads": 1})
        self._found: list[tuple[str, int, bool]] = []

    def read(self, path: Path) -> None:
        self._database.execute(READ, {"path": str(path)})

    def find(self) -> None:
        self._found = self._database.execute(QUERY).fetchall()

    def answer(self) -> list[Alarm]:
        return paired(self._found)
