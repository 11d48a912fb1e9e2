"""Links by the hash of their secret. DynamoDB takes them away at `forget_at`, long after they have expired."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from coldwatch.adapters.items import from_item, to_item
from coldwatch.incidents.links import Link

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoLinkStore:
    """`ports.LinkStore`. `forget_at` is stored in seconds, as time to live wants it."""

    client: DynamoDBClient
    table: str

    def find(self, link_hash: str) -> Link | None:
        key = to_item({"link_hash": link_hash})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        record = from_item(item)
        return Link(**{field.name: record[field.name] for field in fields(Link) if field.name in record})

    def put(self, link: Link) -> None:
        record = asdict(link) | {"forget_at": link.forget_at // 1000}
        self.client.put_item(TableName=self.table, Item=to_item(record))
