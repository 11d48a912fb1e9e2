"""What botocore raises, told as one sentence. Nothing here imports botocore before it is known to be installed."""

from collections.abc import Mapping
from typing import Any

from coldwatch_ops.errors import DeniedError, FailedError, OpsError, UnreachableError, UsageError

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedException",
    "UnauthorizedOperation",
    "NotAuthorizedException",
}
_NOT_SIGNED_IN = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def aws_exceptions() -> tuple[type[Exception], ...]:
    """What to put behind `except`: nothing when botocore is not installed, since then nothing raises it."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an optional dependency
    except ImportError:
        return ()
    return (BotoCoreError, ClientError)


def error_code(error: Exception) -> str:
    """AWS's own word for a refusal, such as `ResourceNotFoundException`; empty for what is not one."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def as_ops_error(error: Exception) -> OpsError:
    response: Mapping[str, Any] | None = getattr(error, "response", None)
    return _from_botocore(error) if response is None else _from_service(error, response)


def _from_service(error: Exception, response: Mapping[str, Any]) -> OpsError:
    code = error_code(error)
    said = response.get("Error", {}).get("Message", "") or "no reason given"
    operation = getattr(error, "operation_name", "the request")
    if code in _NOT_SIGNED_IN:
        return UnreachableError(f"AWS does not accept the credentials ({code}): {said}. Sign in again.")
    if code in _DENIED:
        return DeniedError(f"AWS refused {operation}: {said}. Ask for a role that may do this.")
    return FailedError(f"{operation} failed ({code}): {said}.")


def _from_botocore(error: Exception) -> OpsError:
    match type(error).__name__:
        case "NoCredentialsError" | "PartialCredentialsError" | "CredentialRetrievalError":
            return UnreachableError(
                "No AWS credentials were found. Sign in (`aws sso login`, or set AWS_PROFILE), "
                "or use --local for the cloud on this machine."
            )
        case "ProfileNotFound" | "TokenRetrievalError" | "UnauthorizedSSOTokenError" | "SSOTokenLoadError":
            return UnreachableError(f"AWS credentials could not be loaded: {error}.")
        case "NoRegionError":
            return UsageError("No region is set. Add --region, or set AWS_REGION.")
        case "EndpointConnectionError" | "ConnectTimeoutError" | "ReadTimeoutError" | "ConnectionClosedError":
            return UnreachableError(f"Nobody answers: {error}. With --local, is the local cloud running (`make up`)?")
    return FailedError(f"The request to AWS could not be made: {error}.")
