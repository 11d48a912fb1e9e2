"""Escalation policies in DynamoDB: one item per policy, its document as JSON text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from coldwatch.adapters.items import to_item
from coldwatch.incidents.policy import EscalationPolicy, PolicyError, read_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoPolicyStore:
    """`ports.PolicyStore`, and what puts policies there."""

    client: DynamoDBClient
    table: str

    def find(self, policy_id: str) -> EscalationPolicy | None:
        """Raises `PolicyError` for a stored document that is no policy."""
        document = self.document(policy_id)
        return read_policy(document) if document is not None else None

    def document(self, policy_id: str) -> dict[str, Any] | None:
        key = to_item({"policy_id": policy_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return _document(item, policy_id) if item else None

    def documents(self) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True):
            yield from (_document(item, item["policy_id"]["S"]) for item in page["Items"])

    def put(self, document: Mapping[str, Any]) -> EscalationPolicy:
        """Keep a policy. Raises `PolicyError` for a document that is none, and keeps nothing."""
        policy = read_policy(document)
        text = msgspec.json.encode(document).decode()
        item = to_item({"policy_id": policy.policy_id, "version": policy.version, "document": text})
        self.client.put_item(TableName=self.table, Item=item)
        return policy

    def remove(self, policy_id: str) -> None:
        self.client.delete_item(TableName=self.table, Key=to_item({"policy_id": policy_id}))


def _document(item: Mapping[str, Any], policy_id: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(item["document"]["S"], type=dict[str, Any])
    except (KeyError, msgspec.MsgspecError) as error:
        raise PolicyError(policy_id, f"what is stored is no JSON object ({error})") from error
    return document
