"""What the data plane API answers when it does not do as asked, in the words of the service."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ErrorCode(StrEnum):
    INVALID_REQUEST = "InvalidRequestException"
    NOT_FOUND = "ResourceNotFoundException"
    THROTTLING = "ThrottlingException"
    INTERNAL_FAILURE = "InternalFailureException"
    UNAVAILABLE = "ServiceUnavailableException"
    UNKNOWN_OPERATION = "UnknownOperationException"
    """Of no operation's model: what answers a path that is none of the API's."""


STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.THROTTLING: 429,
    ErrorCode.INTERNAL_FAILURE: 500,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.UNKNOWN_OPERATION: 404,
}


class ApiError(Exception):
    """A whole request that fails, or one entry of a batch."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_REQUEST, message)


def not_found(message: str) -> ApiError:
    return ApiError(ErrorCode.NOT_FOUND, message)
