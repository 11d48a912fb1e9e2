"""What a device has said, read from the hot store."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from coldwatch.adapters.items import from_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AFTER_EVERY_SENSOR = "$"
"""Sorts after the # between a reading key's time and its sensor."""


@dataclass(frozen=True, slots=True)
class DynamoReadingHistory:
    """`ports.ReadingHistory`. A reading key begins with the device's time, so late readings lie where they belong."""

    client: DynamoDBClient
    table: str

    def between(self, device_id: str, from_ms: int, to_ms: int, *, at_most: int) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="device_id = :device AND reading_key BETWEEN :from AND :to",
            ExpressionAttributeValues={
                ":device": {"S": device_id},
                ":from": {"S": f"{max(from_ms, 0):013d}"},
                ":to": {"S": f"{max(to_ms, 0):013d}{_AFTER_EVERY_SENSOR}"},
            },
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        newest_first = islice((from_item(item) for page in pages for item in page["Items"]), at_most)
        return list(newest_first)[::-1]
