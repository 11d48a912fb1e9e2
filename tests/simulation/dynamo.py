"""A DynamoDB in memory: versions by conditional writes, transactions, strongly consistent reads, an index that lags.

`Store` is the service; `DynamoClient` is what an environment holds of it, with the calls that the adapters make. Each
call may be struck by a fault of the wire (`wire.py`) before or after it takes effect.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.expressions import Scope, holds, projected, updated
from tests.simulation.wire import Wire, client_error

KEYS: Final = {"detectors": "detector_id", "devices": "device_id"}
INDEX_LAG_MS: Final = 2_000
MOST_IN_TRANSACTION: Final = 100
LARGEST_ITEM: Final = 400_000


class WrongRequestError(AssertionError):
    """DynamoDB would refuse this request whatever it holds."""


@dataclass(slots=True)
class Store:
    """`due` is what the index knows: it gets each change a moment later, in order."""

    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in KEYS})
    due: dict[str, int] = field(default_factory=dict)
    on_the_way: deque[tuple[int, str, int | None]] = field(default_factory=deque)
    watchers: list[Callable[[str, Mapping[str, Any]], None]] = field(default_factory=list)

    def get(self, table: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.tables[table].get(_name(table, key))

    def put(self, table: str, item: Mapping[str, Any], *, visible_at: int) -> None:
        name = _name(table, item)
        self.tables[table][name] = dict(item)
        self._index(table, name, int(item["due_ms"]["N"]) if "due_page" in item else None, visible_at)
        for watcher in self.watchers:
            watcher(table, item)

    def delete(self, table: str, key: Mapping[str, Any], *, visible_at: int) -> None:
        name = _name(table, key)
        self.tables[table].pop(name, None)
        self._index(table, name, None, visible_at)

    def _index(self, table: str, name: str, due_ms: int | None, visible_at: int) -> None:
        if table == "detectors" and not name.startswith(("shard/", "effect/", "seen/")):
            last = self.on_the_way[-1][0] if self.on_the_way else 0
            self.on_the_way.append((max(last, visible_at), name, due_ms))

    def due_until(self, until_ms: int, now_ms: int) -> list[tuple[str, int]]:
        while self.on_the_way and self.on_the_way[0][0] <= now_ms:
            _, name, due_ms = self.on_the_way.popleft()
            if due_ms is None:
                self.due.pop(name, None)
            else:
                self.due[name] = due_ms
        return sorted(((name, due) for name, due in self.due.items() if due <= until_ms), key=lambda each: each[1])

    def earliest_due(self, now_ms: int) -> int | None:
        return min((due for _, due in self.due_until(1 << 62, now_ms)), default=None)


def _name(table: str, key: Mapping[str, Any]) -> str:
    name: str = key[KEYS[table]]["S"]
    return name


class DynamoClient:
    """The methods have boto3's names and answers."""

    def __init__(self, store: Store, wire: Wire) -> None:
        self.store = store
        self.wire = wire

    def get_item(self, *, TableName: str, Key: Mapping[str, Any], **more: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        assert more.pop("ConsistentRead", False), "a stale read"
        return self.wire.call(
            "GetItem", _name(TableName, Key), lambda: _found(self.store.get(TableName, Key), more), is_read=True
        )

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        wanted = [(table, key, asked) for table, asked in RequestItems.items() for key in asked["Keys"]]
        names = [_name(table, key) for table, key, _ in wanted]
        if not 0 < len(wanted) <= 100 or len(set(names)) != len(names):
            raise WrongRequestError(f"BatchGetItem of {len(wanted)} keys: {names}")
        return self.wire.call("BatchGetItem", _listed(names), lambda: self._read(wanted), is_read=True)

    def _read(self, wanted: Sequence[tuple[str, Any, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = {"Responses": {table: [] for table, _, _ in wanted}, "UnprocessedKeys": {}}
        left = self.wire.part_of(len(wanted))
        for place, (table, key, asked) in enumerate(wanted):
            assert asked.get("ConsistentRead"), "a stale read"
            if place in left:
                rest = {name: value for name, value in asked.items() if name != "Keys"}
                answer["UnprocessedKeys"].setdefault(table, {"Keys": [], **rest})["Keys"].append(key)
            elif (item := _found(self.store.get(table, key), asked).get("Item")) is not None:
                answer["Responses"][table].append(item)
        return answer

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._write("PutItem", {"Put": request})

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._write("UpdateItem", {"Update": request})

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._write("DeleteItem", {"Delete": request})

    def _write(self, name: str, action: dict[str, Any]) -> dict[str, Any]:
        def write() -> dict[str, Any]:
            if not self._is_allowed(action):
                raise client_error("ConditionalCheckFailedException", name)
            self._carry_out(action)
            return {}

        return self.wire.call(name, _target(action), write)

    def transact_write_items(self, *, TransactItems: Sequence[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        targets = [_target(each) for each in TransactItems]
        if not 0 < len(targets) <= MOST_IN_TRANSACTION or len(set(targets)) != len(targets):
            raise WrongRequestError(f"TransactWriteItems of {len(targets)} items: {targets}")

        def write() -> dict[str, Any]:
            allowed = [self._is_allowed(each) for each in TransactItems]
            if not all(allowed):
                reasons = [{"Code": "None" if each else "ConditionalCheckFailed"} for each in allowed]
                raise client_error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
            for each in TransactItems:
                self._carry_out(each)
            return {}

        # botocore gives each a token, so a second try of the same request is none.
        return self.wire.call("TransactWriteItems", _listed(targets), write, is_idempotent=True)

    def _is_allowed(self, action: Mapping[str, Any]) -> bool:
        ((kind, request),) = action.items()
        condition = request.get("ConditionExpression")
        if condition is None:
            return True
        key = request["Item"] if kind == "Put" else request["Key"]
        return holds(condition, _scope(self.store.get(request["TableName"], key) or {}, request))

    def _carry_out(self, action: Mapping[str, Any]) -> None:
        ((kind, request),) = action.items()
        table, visible_at = request.get("TableName"), self.wire.later(INDEX_LAG_MS)
        match kind:
            case "Put":
                if _weight(request["Item"]) > LARGEST_ITEM:
                    raise WrongRequestError(f"an item too large: {_target(action)}")
                self.store.put(table, request["Item"], visible_at=visible_at)
            case "Update":
                before = self.store.get(table, request["Key"]) or dict(request["Key"])
                item = updated(request["UpdateExpression"], _scope(before, request))
                self.store.put(table, item, visible_at=visible_at)
            case "Delete":
                self.store.delete(table, request["Key"], visible_at=visible_at)
            case "ConditionCheck":
                pass
            case _:
                raise WrongRequestError(kind)

    def get_paginator(self, operation: str) -> "_Query":
        assert operation == "query", operation
        return _Query(self)

    def query(self, **request: Any) -> dict[str, Any]:
        assert request["IndexName"] == "by_due", request
        until_ms = int(request["ExpressionAttributeValues"][":until"]["N"])

        def read() -> dict[str, Any]:
            found = self.store.due_until(until_ms, self.wire.now_ms)
            return {"Items": [{"detector_id": {"S": name}, "due_ms": {"N": str(due)}} for name, due in found]}

        return self.wire.call("Query", "by_due", read, is_read=True)


@dataclass(frozen=True, slots=True)
class _Query:
    client: DynamoClient

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield self.client.query(**request)


def _found(item: Mapping[str, Any] | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    if item is None:
        return {}
    expression = asked.get("ProjectionExpression")
    return {"Item": projected(expression, _scope(item, asked)) if expression else dict(item)}


def _scope(item: Mapping[str, Any], request: Mapping[str, Any]) -> Scope:
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    return Scope(item, names or {}, values or {})


def _target(action: Mapping[str, Any]) -> str:
    ((kind, request),) = action.items()
    return _name(request["TableName"], request["Item"] if kind == "Put" else request["Key"])


def _weight(item: Mapping[str, Any]) -> int:
    """Roughly as DynamoDB counts: names and what they hold."""
    return sum(len(name) + len(str(next(iter(value.values())))) for name, value in item.items())


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
