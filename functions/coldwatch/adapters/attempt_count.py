"""How often something was tried in a span of time, and forgotten soon after.

The subject is stored as its hash: neither a link's secret nor anybody's address is in the table.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED_S = 3600


@dataclass(frozen=True, slots=True)
class DynamoAttempts:
    """`ports.Attempts`."""

    client: DynamoDBClient
    table: str

    def add(self, subject: str, *, window_s: int, now_ms: int) -> int:
        now_s = now_ms // 1000
        begun = now_s - now_s % window_s
        digest = hashlib.sha256(f"{subject}\0{begun}".encode()).hexdigest()
        answer = self.client.update_item(
            TableName=self.table,
            Key={"subject": {"S": digest}},
            UpdateExpression="ADD tried :one SET forget_at = :forget_at",
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":forget_at": {"N": str(begun + window_s + _REMEMBERED_S)},
            },
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["tried"]["N"])
