"""Documents in DynamoDB, as JSON text: one item for each that is in force, and one for each version that ever was.

A version's item has the key of its document, an @ and the version. Both are written in one transaction, which fails if
that version is there: of two who change the same one writes, and the other is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from coldwatch.adapters.items import from_item, to_item
from coldwatch.adapters.transactions import transact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = "policy_id"
ROTA = "rota#"
"""Before the ids of rotas, which share the table of policies. No policy's id has such a sign."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who put a version there, when and why."""

    at: int = 0
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    version: str
    change: Change
    document: dict[str, Any]


class UnreadableError(ValueError):
    """What is stored is no JSON object."""

    def __init__(self, document_id: str, why: str) -> None:
        super().__init__(f"what is stored is no JSON object ({why})")
        self.document_id = document_id


@dataclass(frozen=True, slots=True)
class DynamoDocuments:
    """Those whose key begins with `prefix`; without one, those that have no prefix."""

    client: DynamoDBClient
    table: str
    prefix: str = ""

    def find(self, document_id: str) -> dict[str, Any] | None:
        """Raises `UnreadableError`."""
        item = self._item(document_id)
        return _document(item, document_id) if item else None

    def each(self) -> Iterator[dict[str, Any] | UnreadableError]:
        """Those in force; one that cannot be read hides no other."""
        for item in self._scan():
            key = item[_KEY]["S"]
            if key.startswith(self.prefix) and not {"@", "#"} & set(key.removeprefix(self.prefix)):
                try:
                    yield _document(item, key.removeprefix(self.prefix))
                except UnreadableError as error:
                    yield error

    def put(self, document_id: str, document: Mapping[str, Any], change: Change) -> bool:
        """Put a new version in force; False if somebody else put that version there."""
        before = self._item(document_id)
        written = {"version": document["version"], "document": msgspec.json.encode(document).decode()}
        item = to_item({**written, "at": change.at, "who": change.who, "why": change.why})
        key = self.prefix + document_id
        actions: list[Any] = [
            {"Put": {"TableName": self.table, "Item": item | to_item({_KEY: key})}},
            self._kept(item, f"{key}@{written['version']}", is_new=True),
        ]
        if before and "at" not in before and before.get("version", item["version"]) != item["version"]:
            # It is from before versions were kept: its own is kept now.
            earlier = {name: value for name, value in before.items() if name != _KEY}
            actions.append(self._kept(earlier, f"{key}@{before['version']['S']}", is_new=False))
        return transact(self.client, actions)

    def history(self, document_id: str) -> tuple[Version, ...]:
        """Every version, oldest first. One that cannot be read has an empty document."""
        key = self.prefix + document_id
        kept = {item[_KEY]["S"].removeprefix(f"{key}@"): item for item in self._scan(f"{key}@")}
        if (now := self._item(document_id)) and "version" in now:
            kept.setdefault(now["version"]["S"], now)
        versions = [_version(name, item, document_id) for name, item in kept.items()]
        return tuple(sorted(versions, key=lambda each: (each.change.at, len(each.version), each.version)))

    def remove(self, document_id: str) -> None:
        """Take it out of force. Its versions stay."""
        self.client.delete_item(TableName=self.table, Key=to_item({_KEY: self.prefix + document_id}))

    def _item(self, document_id: str) -> dict[str, Any] | None:
        key = to_item({_KEY: self.prefix + document_id})
        return self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")

    def _kept(self, item: Mapping[str, Any], key: str, *, is_new: bool) -> dict[str, Any]:
        condition = {"ConditionExpression": f"attribute_not_exists({_KEY})"} if is_new else {}
        return {"Put": {"TableName": self.table, "Item": {**item, **to_item({_KEY: key})}, **condition}}

    def _scan(self, begins_with: str = "") -> Iterator[dict[str, Any]]:
        """A company has a few dozen of these."""
        for page in self.client.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True):
            yield from (item for item in page["Items"] if item[_KEY]["S"].startswith(begins_with))


def _version(name: str, item: Mapping[str, Any], document_id: str) -> Version:
    record = from_item(item)
    change = Change(record.get("at", 0), record.get("who", ""), record.get("why", ""))
    try:
        return Version(name, change, _document(item, document_id))
    except UnreadableError:
        return Version(name, change, {})


def _document(item: Mapping[str, Any], document_id: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(item["document"]["S"], type=dict[str, Any])
    except (KeyError, msgspec.MsgspecError) as error:
        raise UnreadableError(document_id, str(error)) from error
