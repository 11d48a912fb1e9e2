"""Links by the hash of their secret. DynamoDB takes them away at `forget_at`, long after they have expired."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.items import from_item, is_failed_condition, to_item
from coldwatch.incidents.links import Link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoLinkStore:
    """`ports.LinkStore` and `ports.LinkRegister`. `forget_at` is stored in seconds, as time to live wants it."""

    client: DynamoDBClient
    table: str

    def find(self, link_hash: str) -> Link | None:
        key = to_item({"link_hash": link_hash})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return _link(item)

    def put(self, link: Link) -> None:
        record = asdict(link) | {"forget_at": link.forget_at // 1000}
        self.client.put_item(TableName=self.table, Item=to_item(record))

    def of_incident(self, incident_id: str) -> Iterator[Link]:
        """Reads the whole table: an operator asks for it, once in a while."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table,
            FilterExpression="incident_id = :incident",
            ExpressionAttributeValues={":incident": {"S": incident_id}},
            ConsistentRead=True,
        )
        yield from (_link(item) for page in pages for item in page["Items"])

    def revoke(self, link: Link, *, now_ms: int) -> bool:
        try:
            self.client.update_item(
                TableName=self.table,
                Key=to_item({"link_hash": link.link_hash}),
                UpdateExpression="SET revoked_at = :now",
                ConditionExpression="attribute_exists(link_hash) AND attribute_not_exists(revoked_at)",
                ExpressionAttributeValues={":now": {"N": str(now_ms)}},
            )
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


def _link(item: Mapping[str, Any]) -> Link:
    record = from_item(item)
    return Link(**{field.name: record[field.name] for field in fields(Link) if field.name in record})
