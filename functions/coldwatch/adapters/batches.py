"""DynamoDB in batches: as few requests as its limits allow, and what it leaves over tried again.

Limits (Amazon DynamoDB API reference): BatchGetItem 100 keys, BatchWriteItem 25 puts, over any tables. Either may leave
part of a request unprocessed when it is throttled; the caller is to send that part again, later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Item

KEYS_PER_GET = 100
PUTS_PER_WRITE = 25
BACKOFF_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

type Sleep = Callable[[float], None]
type Placed = tuple[str, Item]
"""A table's name with a key or an item."""


def tries(sleep: Sleep, pauses_s: Sequence[float] = BACKOFF_S) -> Iterator[None]:
    """Each time round is one try of something, with a longer and longer pause before the next: whoever has done with it
    leaves, and waits for nothing.
    """
    yield
    for pause_s in pauses_s:
        sleep(pause_s)
        yield


class ThrottledError(Exception):
    """DynamoDB left keys unread however often it was asked."""


class DynamoBatches:
    """Reads and writes many items; `sleep` takes seconds."""

    def __init__(self, client: DynamoDBClient, sleep: Sleep) -> None:
        self._client = client
        self._sleep = sleep

    def get(self, keys: Sequence[Placed], projections: Mapping[str, Mapping[str, Any]]) -> Iterator[Placed]:
        """The items at `keys` that exist, strongly consistent, in no particular order.

        `projections` gives each table's `ProjectionExpression` and `ExpressionAttributeNames`.
        """
        for start in range(0, len(keys), KEYS_PER_GET):
            request = _get_request(keys[start : start + KEYS_PER_GET], projections)
            yield from self._get_all(request)

    def put(self, items: Sequence[Placed]) -> list[Placed]:
        """Write items whose keys differ, in order; those left unwritten.

        Once a write stays throttled, what comes after it is left unwritten too: to go on would use up the time that
        the next delivery needs.
        """
        for start in range(0, len(items), PUTS_PER_WRITE):
            unwritten = self._put_all(items[start : start + PUTS_PER_WRITE])
            if unwritten:
                return [*unwritten, *items[start + PUTS_PER_WRITE :]]
        return []

    def _get_all(self, request: dict[str, Any]) -> Iterator[Placed]:
        for _ in tries(self._sleep):
            answer = self._client.batch_get_item(RequestItems=request)
            for table, items in answer["Responses"].items():
                yield from ((table, item) for item in items)
            request = dict(answer.get("UnprocessedKeys") or {})
            if not request:
                return
        raise ThrottledError(f"DynamoDB left keys of {', '.join(request)} unread after {len(BACKOFF_S) + 1} requests")

    def _put_all(self, items: Sequence[Placed]) -> list[Placed]:
        unwritten = list(items)
        for _ in tries(self._sleep):
            answer = self._client.batch_write_item(RequestItems=_put_request(unwritten))
            unwritten = list(_unprocessed(answer.get("UnprocessedItems") or {}))
            if not unwritten:
                break
        return unwritten


def _get_request(keys: Sequence[Placed], projections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    request: dict[str, Any] = {}
    for table, key in keys:
        request.setdefault(table, {"Keys": [], "ConsistentRead": True, **projections[table]})["Keys"].append(key)
    return request


def _put_request(items: Sequence[Placed]) -> dict[str, Any]:
    request: dict[str, Any] = {}
    for table, item in items:
        request.setdefault(table, []).append({"PutRequest": {"Item": item}})
    return request


def _unprocessed(left_over: Mapping[str, Any]) -> Iterator[Placed]:
    for table, requests in left_over.items():
        for request in requests:
            yield table, request["PutRequest"]["Item"]
