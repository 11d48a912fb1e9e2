"""The tables of docs/scaling.md: `python -m benchmarks.scaling`. Arithmetic from counted requests and assumed prices.

Counts and sizes say where they come from; prices are those of docs/costs.md (us-east-1, November 2026, on demand).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

MONTH_S: Final = 2_628_000
MONTH_H: Final = 730
SWEEPS: Final = 43_800
M: Final = 1_000_000

# Counted by tests/unit/detection/test_requests.py, on the benchmarks' data in batches of 500.
REQUESTS_OF_A_BATCH: Final = 2
READ_UNITS_OF_A_BATCH: Final = 2
CHECKPOINT_UNITS: Final = 2
"""The checkpoint moves in one transaction with the log."""
LOG_ENTRY_BYTES: Final = 14
"""A heartbeat, packed: 119 batches of 500 heartbeats, a base among them, took 1,668 write units. Names that are less
alike than consecutive serials pack less well.
"""
BATCHES_TO_A_BASE: Final = 64
# Of the benchmarks' data: 1,000,000 messages of 10,000 devices, two of a hundred in an excursion.
CHANGES_PER_MILLION: Final = 6_803
INDEX_ENTRY_BYTES: Final = 80

# Assumed.
RECORDS_PER_SHARD_S: Final = 500
"""Half of what a shard takes: room for bursts, and for one invocation at a time to keep up at 1 ms a record."""
DEVICES_PER_SHARD: Final = 100_000
"""What an environment remembers: 200,000 detectors of 2 KB (`MOST_DETECTORS`), a cold chain device counting 1.8."""
DETECTOR_BYTES: Final = 2_000
ABSENT_BYTES: Final = 100
LANE_BYTES: Final = 750
DETECTORS_OF_A_DEVICE: Final = 6
BATCH: Final = 500
ENGINE_BATCH_S, ENGINE_RECORD_S = 0.02, 0.001
STORE_BATCH_S, STORE_RECORD_S, STORE_WINDOW_S = 0.10, 0.001, 5
COLD_STARTS: Final = MONTH_H // 2
"""An environment is replaced every two hours, reads its detectors and registry entries again, and writes each detector
with its first heartbeat.
"""
FIRST_HEARTBEAT_UNITS: Final = 3
"""The detector, and its place in the index, which is taken from one time to another."""

# Prices in dollars.
WRITE_UNIT, READ_UNIT, GB_STORED = 0.625 / M, 0.125 / M, 0.45
LAMBDA_REQUEST, GB_SECOND = 0.20 / M, 0.0000133334
SHARD_HOUR, PUT_UNIT = 0.035, 0.014 / M
CONNECTED_MINUTE, IOT_MESSAGE, IOT_RULE = 0.08 / M, 1.00 / M, 0.30 / M
FIREHOSE_GB, S3_GB = 0.067, 0.023
READING_BYTES, ARCHIVED_BYTES, FIREHOSE_RECORD_BYTES = 530, 100, 5_000
BLOCK_HEAD_BYTES, BLOCK_READING_BYTES = 180, 230
BLOCK_BYTES: Final = (BLOCK_HEAD_BYTES + 100) / 20 + BLOCK_READING_BYTES
"""Of one reading in a block of 20 (decision 2), with what DynamoDB adds to an item."""
KPU_HOUR: Final = 0.11
RECORDS_PER_KPU_S: Final = 5_000


@dataclass(frozen=True)
class Fleet:
    """So many devices that report every `period_s`, evenly spread."""

    devices: int
    period_s: int

    @property
    def rate(self) -> float:
        return self.devices / self.period_s

    @property
    def messages(self) -> float:
        return self.rate * MONTH_S

    @property
    def shards(self) -> int:
        return max(ceil(self.rate / RECORDS_PER_SHARD_S), ceil(self.devices / DEVICES_PER_SHARD))

    @property
    def shard_devices(self) -> float:
        return self.devices / self.shards

    def batch(self, window_s: float = 1) -> float:
        """Records of a batch, which closes when it is full or its window ends."""
        return max(1, min(BATCH, self.rate / self.shards * window_s))

    @property
    def batches(self) -> float:
        return self.messages / self.batch()

    @property
    def cache_mb(self) -> float:
        absent_bytes = (DETECTORS_OF_A_DEVICE - 1) * ABSENT_BYTES
        return self.shard_devices * (DETECTOR_BYTES + absent_bytes + LANE_BYTES) / 1e6


FLEETS: Final = [Fleet(devices, period) for devices in (1_000, 100_000, M, 10 * M) for period in (15, 300)]


def log_write_units(fleet: Fleet) -> float:
    """Of a batch: its own page, and its part of a base; each unit twice, as it is a transaction."""
    page = ceil(fleet.batch() * LOG_ENTRY_BYTES / 1024)
    base = ceil(fleet.shard_devices * LOG_ENTRY_BYTES / 1024)
    return 2 * (page + base / BATCHES_TO_A_BASE)


def first_heartbeats(fleet: Fleet) -> float:
    return COLD_STARTS * fleet.devices


def engine_requests(fleet: Fleet) -> float:
    return REQUESTS_OF_A_BATCH * fleet.batches + CHANGES_PER_MILLION * fleet.messages / M + first_heartbeats(fleet)


def engine_write_units(fleet: Fleet) -> float:
    of_batches = (CHECKPOINT_UNITS + log_write_units(fleet)) * fleet.batches
    of_changes = CHANGES_PER_MILLION * fleet.messages / M
    return of_batches + of_changes + FIRST_HEARTBEAT_UNITS * first_heartbeats(fleet)


def sweep_read_units(fleet: Fleet) -> float:
    """Of one: the index, whose times of heartbeats are never late but often early, and what is new in the logs."""
    index = fleet.devices * INDEX_ENTRY_BYTES / 4096 / 2
    pages = min(60.0, fleet.batches / fleet.shards / SWEEPS)
    page = ceil(fleet.batch() * LOG_ENTRY_BYTES / 4096)
    base = fleet.shard_devices * LOG_ENTRY_BYTES / 4096 * pages / BATCHES_TO_A_BASE
    return index + fleet.shards * (pages * page + base)


def engine_database(fleet: Fleet) -> float:
    cold = COLD_STARTS * fleet.devices * (DETECTORS_OF_A_DEVICE + 1)
    reads = READ_UNITS_OF_A_BATCH * fleet.batches + SWEEPS * sweep_read_units(fleet) + cold
    return engine_write_units(fleet) * WRITE_UNIT + reads * READ_UNIT


def engine_lambda(fleet: Fleet) -> float:
    return _lambda(fleet.batches, fleet.messages, ENGINE_BATCH_S, ENGINE_RECORD_S)


def engine(fleet: Fleet) -> float:
    return engine_database(fleet) + engine_lambda(fleet)


def _lambda(batches: float, messages: float, batch_s: float, record_s: float) -> float:
    return batches * LAMBDA_REQUEST + (batch_s * batches + record_s * messages) * GB_SECOND


def iot(fleet: Fleet) -> float:
    return fleet.devices * SWEEPS * CONNECTED_MINUTE + fleet.messages * (IOT_MESSAGE + IOT_RULE)


def kinesis(fleet: Fleet) -> float:
    return fleet.shards * MONTH_H * SHARD_HOUR + fleet.messages * PUT_UNIT


def store(fleet: Fleet) -> float:
    """The reading, the latest one and the ledger; 90 days of readings with their recovery."""
    batches = fleet.messages / fleet.batch(STORE_WINDOW_S)
    writes = (2 * fleet.messages + batches) * WRITE_UNIT
    reads = (2 * fleet.messages + min(fleet.messages, fleet.devices * SWEEPS) + batches) * READ_UNIT
    kept = fleet.messages / M * _hot(READING_BYTES, 90)
    return writes + reads + kept + _lambda(batches, fleet.messages, STORE_BATCH_S, STORE_RECORD_S)


def archive(fleet: Fleet) -> float:
    return fleet.messages * (FIREHOSE_RECORD_BYTES * FIREHOSE_GB + 3 * ARCHIVED_BYTES * S3_GB) / 1e9


PARTS: Final[dict[str, Callable[[Fleet], float]]] = {
    "IoT Core": iot,
    "Kinesis": kinesis,
    "engine": engine,
    "readings' store": store,
    "archive": archive,
}


def total(fleet: Fleet) -> float:
    return sum(part(fleet) for part in PARTS.values())


def sizes() -> str:
    headings = ("devices", "period", "messages/s", "shards", "Lambdas at once", "devices a shard", "remembered, MB")
    more = ("records a batch", "requests a million", "write units a million")
    rows = [
        (
            *_named(each),
            _number(each.rate),
            _number(each.shards),
            _number(2 * each.shards),
            _number(each.shard_devices),
            _number(each.cache_mb),
            _number(each.batch()),
            _number(engine_requests(each) / each.messages * M),
            _number(engine_write_units(each) / each.messages * M),
        )
        for each in FLEETS
    ]
    return _table((*headings, *more), rows)


def dollars() -> str:
    headings = ("devices", "period", *PARTS, "**all**", "a million messages", "of it the engine", "a device")
    rows = [
        (
            *_named(each),
            *(_number(part(each)) for part in PARTS.values()),
            f"**{_number(total(each))}**",
            _money(total(each) / each.messages * M),
            _money(engine(each) / each.messages * M),
            _money(total(each) / each.devices),
        )
        for each in FLEETS
    ]
    return _table(headings, rows)


def quotas() -> str:
    headings = ("quota", "default", *(f"{_number(each.devices)}, {_period(each)}" for each in FLEETS[2:]))
    wanted: dict[tuple[str, int], Callable[[Fleet], float]] = {
        ("IoT Core: publishes, and rules evaluated, a second", 20_000): lambda each: each.rate,
        ("IoT Core: connections", 500_000): lambda each: each.devices,
        ("DynamoDB: write units a second of `ReadingTable`", 40_000): lambda each: each.rate,
        ("Lambda: concurrent executions", 1_000): lambda each: 2 * each.shards,
        ("Kinesis: shards (20,000 in three regions)", 1_000): lambda each: each.shards,
        ("DynamoDB: reads a second of one partition, by the sweep", 3_000): sweep_index_s,
    }
    rows = [
        (name, _number(limit), *(_over(need(each), limit) for each in FLEETS[2:]))
        for (name, limit), need in wanted.items()
    ]
    return _table(headings, rows)


def sweep_index_s(fleet: Fleet) -> float:
    """The whole index within ten seconds."""
    return fleet.devices * INDEX_ENTRY_BYTES / 4096 / 2 / 10


def store_variants() -> str:
    """Dollars for a million readings at 1,000,000 devices, 15 s; connections and the engine apart."""
    each = Fleet(M, 15)
    n = each.messages / M
    ingress = (each.messages * (IOT_MESSAGE + IOT_RULE) + kinesis(each)) / n
    kept, archived, hot = store(each) / n, archive(each) / n, _hot(READING_BYTES, 90)
    thinned = kept - 0.75 * (kept - _lambda(M / BATCH, M, STORE_BATCH_S, STORE_RECORD_S))
    blocks = _blocks()
    rows = [
        ("as it is", ingress, kept, archived),
        ("Basic Ingest", ingress - IOT_MESSAGE * M, kept, archived),
        ("readings kept 14 days instead of 90", ingress, kept - hot + _hot(READING_BYTES, 14), archived),
        ("one reading of four in the hot store, all in the archive", ingress, thinned, archived),
        ("20 readings a message, stored as one block", ingress / 20, blocks + _hot(BLOCK_BYTES, 90), archived / 20),
        (
            "the same by Basic Ingest, kept 14 days",
            (ingress - IOT_MESSAGE * M) / 20,
            blocks + _hot(BLOCK_BYTES, 14),
            archived / 20,
        ),
    ]
    told = [(name, *(_money(part) for part in parts), _money(sum(parts))) for name, *parts in rows]
    return _table(("what", "IoT Core, Kinesis", "store", "archive", "together"), told)


def _hot(bytes_each: float, days: int) -> float:
    """To keep a million readings so long."""
    return M * days / 30.4 * bytes_each / 1e9 * GB_STORED


def _blocks() -> float:
    """To write a million readings, 20 in an item, each item once and complete, and the latest of them."""
    units = ceil((BLOCK_HEAD_BYTES + 20 * BLOCK_READING_BYTES) / 1024) + 1
    writing = M / 20 * (units * WRITE_UNIT + 2 * READ_UNIT)
    return writing + _lambda(M / 20 / BATCH, M, STORE_BATCH_S, STORE_RECORD_S)


def flink() -> str:
    """The engine alone, per month, beside a Flink application that did the same."""
    rows = [
        (
            *_named(each),
            *(_number(part) for part in (engine_lambda(each), engine_database(each), engine(each))),
            _number(1 + ceil(each.rate / RECORDS_PER_KPU_S)),
            _number((1 + ceil(each.rate / RECORDS_PER_KPU_S)) * MONTH_H * KPU_HOUR),
        )
        for each in FLEETS
    ]
    return _table(("devices", "period", "Lambda", "DynamoDB", "engine", "KPUs", "Flink"), rows)


def _named(fleet: Fleet) -> tuple[str, str]:
    return _number(fleet.devices), _period(fleet)


def _period(fleet: Fleet) -> str:
    return f"{fleet.period_s} s" if fleet.period_s < 60 else f"{fleet.period_s // 60} min"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _money(value: float) -> str:
    return f"{value:,.2f}" if value >= 0.1 else f"{value:.2g}"


def _over(need: float, limit: float) -> str:
    return f"**{need / limit:.1f} times**" if need > limit else f"{100 * need / limit:.2g} %"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first = 1 if not rows else 0
    rule = ["---" if index == first else "---:" for index, _ in enumerate(headings)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (headings, rule, *rows))


TABLES: Final[dict[str, Callable[[], str]]] = {
    "sizes": sizes,
    "dollars": dollars,
    "quotas": quotas,
    "store": store_variants,
    "flink": flink,
}

if __name__ == "__main__":
    for name, made in TABLES.items():
        print(f"<!-- {name} -->\n{made()}\n")
