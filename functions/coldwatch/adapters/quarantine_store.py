"""Quarantine: bytes in S3, entries in DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.adapters.items import from_item, is_failed_condition, to_item
from coldwatch.telemetry.ports import EntryMovedError
from coldwatch.telemetry.quarantine import OPEN, RELEASED, Hold, Quarantined, entry, object_metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_s3 import S3Client

    from coldwatch.telemetry.envelope import Envelope

_ABSENT = "attribute_not_exists(quarantine_id)"

WORKERS = 8
"""Neither service takes conditional writes in batches; side by side, 500 bad messages still take only seconds."""


@dataclass(frozen=True, slots=True)
class AwsQuarantineStore:
    """`ports.QuarantineStore`."""

    dynamodb: DynamoDBClient
    s3: S3Client
    table: str
    bucket: str
    workers: int = WORKERS

    def find(self, quarantine_ids: Collection[str]) -> dict[str, Hold]:
        found: dict[str, Hold] = {}
        for quarantine_id in quarantine_ids:
            key = to_item({"quarantine_id": quarantine_id})
            item = self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
            if item is not None:
                record = from_item(item)
                found[quarantine_id] = Hold(
                    record["status"], record["thing"], record.get("released_by"), record.get("put_again_by")
                )
        return found

    def keep(self, quarantined: Sequence[Quarantined]) -> dict[str, str]:
        if self.workers == 1 or len(quarantined) == 1:
            errors = [self._keep_one(each) for each in quarantined]
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                errors = list(pool.map(self._keep_one, quarantined))
        return {each.quarantine_id: error for each, error in zip(quarantined, errors, strict=True) if error}

    def note_attempt(self, quarantined: Quarantined) -> None:
        event_id = quarantined.envelope.record.event_id
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item({"quarantine_id": quarantined.quarantine_id}),
                UpdateExpression=(
                    "SET reason = :reason, detail = :detail, attempts = attempts + :one ADD attempted_by :events"
                ),
                ConditionExpression="#status = :open AND NOT contains(attempted_by, :event)",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":reason": {"S": quarantined.rejection.reason.value},
                    ":detail": {"S": quarantined.rejection.detail},
                    ":one": {"N": "1"},
                    ":events": {"SS": [event_id]},
                    ":event": {"S": event_id},
                    ":open": {"S": OPEN},
                },
            )
        except ClientError as error:
            if not is_failed_condition(error):
                raise

    def release(self, envelope: Envelope, *, now_ms: int) -> None:
        names = _names(envelope)
        try:
            self.dynamodb.update_item(
                TableName=self.table,
                Key=to_item({"quarantine_id": envelope.quarantine_id}),
                UpdateExpression=(
                    "SET #status = :released, released_by = :own, released_at = if_not_exists(released_at, :now)"
                ),
                ConditionExpression=f"#status = :open OR released_by IN ({', '.join(names)})",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    **names,
                    ":released": {"S": RELEASED},
                    ":open": {"S": OPEN},
                    ":now": {"N": str(now_ms)},
                },
            )
        except ClientError as error:
            if is_failed_condition(error):
                raise EntryMovedError(envelope.quarantine_id) from error
            raise

    def _keep_one(self, quarantined: Quarantined) -> str | None:
        """Bytes first, so that no entry ever points at nothing. What went wrong, if it did."""
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=quarantined.s3_key,
                Body=quarantined.envelope.payload,
                ContentType="application/octet-stream",
                Metadata=object_metadata(quarantined),
            )
            self._put_entry(quarantined)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None

    def _put_entry(self, quarantined: Quarantined) -> None:
        condition: dict[str, Any] = {"ConditionExpression": _ABSENT}
        if quarantined.envelope.is_put_again:
            names = _names(quarantined.envelope)
            left_over = f"attribute_not_exists(put_again_by) OR put_again_by IN ({', '.join(names)})"
            condition = {
                "ConditionExpression": f"{_ABSENT} OR (#status = :open AND ({left_over}))",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {**names, ":open": {"S": OPEN}},
            }
        try:
            self.dynamodb.put_item(TableName=self.table, Item=to_item(entry(quarantined)), **condition)
        except ClientError as error:
            # It is there since an earlier delivery, and may have been released since.
            if not is_failed_condition(error):
                raise


def _names(envelope: Envelope) -> dict[str, AttributeValueTypeDef]:
    """Event ids of the message's own record, as `:own`, and of those that were given up, as values of an expression."""
    given_up = {f":given_up_{n}": event_id for n, event_id in enumerate(envelope.instead_of)}
    return {name: {"S": event_id} for name, event_id in {":own": envelope.record.event_id, **given_up}.items()}
