"""What the command's exit code says to a script; docs/command-line.md carries the same table, and a test compares."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """Each member's `meaning` is the sentence that the documentation prints."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "Done, and nothing was found wrong."
    FAILED = 1, "It ran, but something failed, was not found, or did not hold."
    USAGE = 2, "The command was called wrongly; nothing was done."
    UNREACHABLE = 3, "The stack could not be reached: no such stack, no credentials, or nobody answers."
    DENIED = 4, "AWS refused: the caller's role may not do this."
    DECLINED = 5, "The person asked said no, or there was nobody to ask; nothing was done."
    NOT_INSTALLED = 6, "A part that this command needs is not installed."
    INTERRUPTED = 130, "Stopped by Ctrl-C."
