"""DynamoDB transactions: all of it, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from coldwatch.adapters.epochs import Raise, write_with_epoch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

_BEATEN: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


def transact(client: DynamoDBClient, actions: Sequence[Any], epoch: Raise | None = None) -> bool:
    """False if somebody else came first: a condition did not hold, or another write was under way."""

    def send(sent: Sequence[Any]) -> None:
        client.transact_write_items(TransactItems=sent)

    try:
        if epoch is None:
            send(actions)
        else:
            write_with_epoch(send, actions, epoch, sleep=_at_once)
    except ClientError as error:
        if is_beaten(error):
            return False
        raise
    return True


def is_beaten(error: ClientError) -> bool:
    """Whether a transaction, or a write that met one, has to give way to somebody else's."""
    if error.response["Error"]["Code"] == "TransactionConflictException":
        return True
    codes = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])} - {"None"}
    return bool(codes) and codes <= _BEATEN


def _at_once(_seconds: float) -> None:
    """Whoever is beaten reads anew before trying again, which takes long enough."""
