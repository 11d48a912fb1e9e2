"""Whether AWS says that it was asked too much, after everything that was tried again by itself."""

from typing import Final

from botocore.exceptions import ClientError

from coldwatch.adapters.batches import ThrottledError

_CODES: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


def is_throttling(error: BaseException) -> bool:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _CODES
    return isinstance(error, ThrottledError)
