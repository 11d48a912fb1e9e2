"""Throttled requests: tried again, then given up in good order. Stub clients, because moto never throttles."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from coldwatch.adapters.archive import BYTES_PER_PUT, FirehoseArchive
from coldwatch.adapters.batches import BACKOFF_S, DynamoBatches, ThrottledError
from coldwatch.adapters.reading_store import DynamoReadingStore
from coldwatch.adapters.registry import TIME_TO_LIVE_S, DynamoRegistry
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.reading import as_conflict
from tests.integration.aws.test_store_contract import a_reading
from tests.unit.telemetry.builders import FRIDGE


@dataclass
class Throttled:
    """A DynamoDB that takes `capacity` keys or items of each request, for as many requests as `patience` says."""

    capacity: int
    patience: int = 10_000
    requests: list[int] = field(default_factory=list)
    written: list[Any] = field(default_factory=list)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        taken = keys[: self._capacity(len(keys))]
        left = {table: request | {"Keys": keys[len(taken) :]}} if len(taken) < len(keys) else {}
        return {"Responses": {table: taken}, "UnprocessedKeys": left}

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        ((table, requests),) = RequestItems.items()
        taken = requests[: self._capacity(len(requests))]
        self.written += taken
        left = {table: requests[len(taken) :]} if len(taken) < len(requests) else {}
        return {"UnprocessedItems": left}

    def _capacity(self, size: int) -> int:
        self.requests.append(size)
        return self.capacity if len(self.requests) <= self.patience else size


def keys(number: int) -> list[Any]:
    return [("T", {"id": {"S": str(n)}}) for n in range(number)]


def batches(client: Any, slept: list[float] | None = None) -> DynamoBatches:
    return DynamoBatches(client, (slept if slept is not None else []).append)


def test_keys_left_unread_are_read_after_a_growing_pause() -> None:
    slept: list[float] = []
    client = Throttled(capacity=40)

    found = list(batches(client, slept).get(keys(150), {"T": {}}))

    assert sorted(found, key=str) == sorted(keys(150), key=str)
    assert client.requests == [100, 60, 20, 50, 10]
    assert slept == [0.05, 0.1, 0.05]


def test_keys_that_stay_unread_are_an_error() -> None:
    client = Throttled(capacity=0)

    with pytest.raises(ThrottledError, match="T unread after 7 requests"):
        list(batches(client).get(keys(1), {"T": {}}))


def test_items_left_unwritten_are_written_after_a_pause() -> None:
    client = Throttled(capacity=10, patience=2)

    assert batches(client).put(keys(30)) == []
    assert client.requests == [25, 15, 5, 5]
    assert len(client.written) == 30


def test_once_writing_stays_throttled_the_rest_is_left_and_named() -> None:
    client = Throttled(capacity=0)

    unwritten = batches(client).put(keys(60))

    assert unwritten == keys(60)
    assert client.requests == [25] * (len(BACKOFF_S) + 1)


def test_no_conflict_is_written_while_anything_else_is_not() -> None:
    client = Throttled(capacity=0)
    store = DynamoReadingStore(batches(client), "R", "L", 90)
    plain, conflict = a_reading(), as_conflict(a_reading(temp_c=9.0))

    assert store.write([conflict, plain], []) == {plain.key, conflict.key}
    assert client.requests == [1] * (len(BACKOFF_S) + 1)


@dataclass
class PartialFirehose:
    """Refuses the records at `refused` positions of the first request; for good if `is_stubborn`."""

    refused: set[int]
    is_stubborn: bool = False
    requests: list[list[bytes]] = field(default_factory=list)

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert DeliveryStreamName == "archive"
        self.requests.append([each["Data"] for each in Records])
        refused = self.refused if len(self.requests) == 1 else set(range(len(Records))) if self.is_stubborn else set()
        results = [{"ErrorCode": "ServiceUnavailableException"} if n in refused else {} for n in range(len(Records))]
        return {"FailedPutCount": len(refused), "RequestResponses": results}


def archive(client: Any) -> FirehoseArchive:
    return FirehoseArchive(client, "archive", lambda _seconds: None)


def test_only_what_the_archive_did_not_take_is_sent_again() -> None:
    client = PartialFirehose({1, 3})
    readings = [a_reading(seq=n) for n in range(5)]

    assert archive(client).put(readings) == set()
    assert client.requests[1] == [client.requests[0][1], client.requests[0][3]]


def test_what_the_archive_never_takes_is_named() -> None:
    readings = [a_reading(seq=n) for n in range(5)]

    assert archive(PartialFirehose({1}, is_stubborn=True)).put(readings) == {readings[1].key}


def test_requests_to_the_archive_keep_within_its_limits() -> None:
    client = PartialFirehose(set())
    readings = [a_reading(seq=n, note="x" * 12_000) for n in range(700)]

    archive(client).put(readings)

    assert sum(map(len, client.requests)) == 700
    assert all(len(each) <= 500 and sum(map(len, each)) <= BYTES_PER_PUT for each in client.requests)
    assert len(client.requests) == 3


@dataclass
class Registered:
    """A table of devices that counts its readers."""

    devices: dict[str, Any]
    requests: int = 0

    def get(self, wanted: list[Any], _projections: Any) -> Iterator[Any]:
        self.requests += 1
        for table, key in wanted:
            if key["device_id"]["S"] in self.devices:
                yield table, self.devices[key["device_id"]["S"]]


def test_a_device_is_remembered_for_a_minute_and_a_stranger_is_not() -> None:
    entry = {"device_id": {"S": FRIDGE}, "fleet_id": {"S": "acme"}, "application": {"S": "coldchain"}}
    table: Any = Registered({FRIDGE: entry})
    now = [0.0]
    registry = DynamoRegistry(table, "T", lambda: now[0])

    seen = [registry.look_up({FRIDGE}), registry.look_up({FRIDGE}), registry.look_up({FRIDGE, "x"})]
    table.devices["x"] = entry | {"device_id": {"S": "x"}}
    seen.append(registry.look_up({"x"}))
    now[0] = TIME_TO_LIVE_S
    registry.look_up({FRIDGE})

    assert seen[:3] == [{FRIDGE: Device(FRIDGE, "acme", "coldchain")}] * 3
    assert set(seen[3]) == {"x"}
    assert table.requests == 4


def test_an_entry_without_a_fleet_is_no_entry() -> None:
    table: Any = Registered({FRIDGE: {"device_id": {"S": FRIDGE}, "application": {"S": "coldchain"}}})

    assert DynamoRegistry(table, "T", lambda: 0.0).look_up({FRIDGE}) == {}
