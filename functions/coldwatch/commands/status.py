"""Where a command execution stands, in the words of AWS IoT Commands (AWS IoT API, `CommandExecutionStatus`)."""

from enum import StrEnum


class Status(StrEnum):
    CREATED = "CREATED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def is_final(self) -> bool:
        """Whether it never changes again."""
        return self not in (Status.CREATED, Status.IN_PROGRESS)
