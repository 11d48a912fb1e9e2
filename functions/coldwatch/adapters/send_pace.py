"""How many mails SNS is given a second: more than ten in an account, and it switches their subscriptions off.

One counter per second, in the links' table, which forgets it by itself. Every function of the stack counts on it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.adapters.items import is_failed_condition, to_item
from coldwatch.incidents.ports import NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

MOST_PER_SECOND: Final = 10
"""https://docs.aws.amazon.com/general/latest/gr/sns.html: e-mail messages a second, in an account."""
PATIENCE_S: Final = 15.0
_KEPT_S: Final = 3600


@dataclass(frozen=True, slots=True)
class SendPace:
    """`clock` in seconds of the epoch."""

    client: DynamoDBClient
    table: str
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    patience_s: float = PATIENCE_S

    def take(self, mails: int) -> None:
        """Return when so many may be sent. Raises NotSentError when that takes too long; the workflow tries again."""
        if mails < 1:
            return
        until = self.clock() + self.patience_s
        while not self._take(min(mails, MOST_PER_SECOND)):
            now = self.clock()
            if now >= until:
                raise NotSentError("Too many mails wait to be sent: SNS sends ten a second.")
            self.sleep(1.0 - now % 1.0)

    def _take(self, mails: int) -> bool:
        second = int(self.clock())
        try:
            self.client.update_item(
                TableName=self.table,
                Key=to_item({"link_hash": f"pace#sns#{second}"}),
                UpdateExpression="SET forget_at = :forget ADD #count :mails",
                ConditionExpression="attribute_not_exists(#count) OR #count <= :room",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues={
                    ":mails": {"N": str(mails)},
                    ":room": {"N": str(MOST_PER_SECOND - mails)},
                    ":forget": {"N": str(second + _KEPT_S)},
                },
            )
        except (BotoCoreError, ClientError) as error:
            # A counter that cannot be kept keeps nobody from being told.
            return not (isinstance(error, ClientError) and is_failed_condition(error))
        return True
