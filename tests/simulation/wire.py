"""Between an environment and a service: every call goes through here, and here is where it goes wrong.

A call may die before or after it takes effect; be throttled (botocore has given up by then); have its answer lost, so
that botocore sends it a second time; and the whole environment may stand still before or after it, while the rest of
the world goes on.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.simulation.world import World

_THROTTLES: Final = {
    "Query": ("ProvisionedThroughputExceededException", "InternalServerError"),
    "SendMessageBatch": ("RequestThrottled", "ServiceUnavailable"),
    "TransactWriteItems": ("TransactionCanceledException", "InternalServerError", "TransactionInProgressException"),
    "GetRecords": ("ProvisionedThroughputExceededException", "InternalFailure"),
}
_USUAL_THROTTLES: Final = ("ProvisionedThroughputExceededException", "InternalServerError", "ThrottlingException")
LONGEST_CALL_MS: Final = 20


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


def client_error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)


class Wire:
    """Of one environment. `actor` is its name in the story."""

    def __init__(self, world: "World", actor: str, skew_ms: int = 0) -> None:
        self.world = world
        self.actor = actor
        self.skew_ms = skew_ms

    @property
    def now_ms(self) -> int:
        return self.world.now_ms

    @property
    def clock_ms(self) -> int:
        """What this environment takes for the time."""
        return self.world.now_ms + self.skew_ms

    def later(self, most_ms: int) -> int:
        return self.world.now_ms + self.world.chance.between(0, most_ms)

    def sleep(self, seconds: float) -> None:
        self.world.now_ms += round(1000 * seconds)

    def part_of(self, count: int) -> frozenset[int]:
        """The places of a request's parts that the service leaves over; seldom any."""
        chance = self.world.chance
        if not chance.strikes("partial_failure"):
            return frozenset()
        left = frozenset(place for place in range(count) if chance.random.random() < 0.5)
        self.tell("is left with", f"{len(left)} of {count} parts undone")
        return left

    def call[T](
        self, operation: str, about: str, do: Callable[[], T], *, is_read: bool = False, is_idempotent: bool = False
    ) -> T:
        chance = self.world.chance
        self.world.now_ms += chance.between(1, LONGEST_CALL_MS)
        self._before(operation, about)
        answer = do()
        self.tell(operation, about)
        if not is_read and chance.strikes("lost_answer"):
            self.tell("hears nothing of", f"{operation} {about}; it is sent again")
            answer = answer if is_idempotent else do()
        self._after(operation, about)
        return answer

    def _before(self, operation: str, about: str) -> None:
        chance = self.world.chance
        if chance.strikes("crash"):
            self.die(f"before {operation} {about}")
        if chance.strikes("throttle"):
            code = chance.random.choice(_THROTTLES.get(operation, _USUAL_THROTTLES))
            self.tell("is refused", f"{operation} {about}: {code}")
            raise client_error(code, operation, **_reasons(code))
        if chance.strikes("zombie", 0.5):
            self.world.freeze(self.actor, f"before {operation} {about}")

    def _after(self, operation: str, about: str) -> None:
        if self.world.chance.strikes("crash"):
            self.die(f"after {operation} {about}")
        if self.world.chance.strikes("zombie", 0.5):
            self.world.freeze(self.actor, f"after {operation} {about}")

    def die(self, where: str) -> None:
        self.tell("DIES", where)
        raise Killed

    def tell(self, verb: str, about: str) -> None:
        self.world.tell(self.actor, verb, about)


def _reasons(code: str) -> dict[str, Any]:
    if code != "TransactionCanceledException":
        return {}
    return {"CancellationReasons": [{"Code": "TransactionConflict"}]}
