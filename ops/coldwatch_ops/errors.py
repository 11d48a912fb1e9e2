"""What can go wrong in the command; each error is one sentence for a person, and an exit code for a script.

OpsError
├── UsageError          called wrongly
├── NotFoundError       what was named is not there
├── RefusedError        it is there, but doing this to it would be wrong
├── FailedError         AWS took the request and could not carry it out
├── DeclinedError       the person said no, or nobody could be asked
├── UnreachableError    no such stack, no credentials, nobody answers
├── DeniedError         the caller's role may not do this
└── MissingPartError    boto3 is not installed
"""

from collections.abc import Sequence
from typing import ClassVar

from coldwatch_ops.exit_codes import ExitCode


class OpsError(Exception):
    """Never carries anything secret, and may carry what a device sent: it is escaped where it is printed."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, sentence: str, details: Sequence[str] = ()) -> None:
        """`details` are told below the sentence, a line each."""
        super().__init__(sentence)
        self.details = tuple(details)


class UsageError(OpsError):
    exit_code = ExitCode.USAGE


class NotFoundError(OpsError):
    pass


class RefusedError(OpsError):
    pass


class FailedError(OpsError):
    pass


class DeclinedError(OpsError):
    exit_code = ExitCode.DECLINED


class UnreachableError(OpsError):
    exit_code = ExitCode.UNREACHABLE


class DeniedError(OpsError):
    exit_code = ExitCode.DENIED


class MissingPartError(OpsError):
    exit_code = ExitCode.NOT_INSTALLED
