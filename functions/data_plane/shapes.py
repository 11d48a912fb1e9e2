"""What a request must look like, and everything that is wrong with one, told as the service told it.

`tests/contract/test_data_plane.py` holds the shapes of `operations` against the service's own model.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from data_plane.errors import invalid


@dataclass(frozen=True, slots=True)
class Text:
    least: int = 0
    most: int | None = None
    pattern: str | None = None

    def faults(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield _fault(value, path, "Member must be a string")
            return
        if len(value) < self.least:
            yield _fault(value, path, f"Member must have length greater than or equal to {self.least}")
        if self.most is not None and len(value) > self.most:
            yield _fault(value, path, f"Member must have length less than or equal to {self.most}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            yield _fault(value, path, f"Member must satisfy regular expression pattern: {self.pattern}")


@dataclass(frozen=True, slots=True)
class Whole:
    least: int | None = None
    most: int | None = None

    def faults(self, value: Any, path: str) -> Iterator[str]:
        if type(value) is not int:
            yield _fault(value, path, "Member must be an integer")
            return
        if self.least is not None and value < self.least:
            yield _fault(value, path, f"Member must have value greater than or equal to {self.least}")
        if self.most is not None and value > self.most:
            yield _fault(value, path, f"Member must have value less than or equal to {self.most}")


@dataclass(frozen=True, slots=True)
class Many:
    """`distinct` names a member by which no two of them may be alike."""

    of: "Members"
    least: int = 0
    most: int | None = None
    distinct: str | None = None

    def faults(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield _fault(value, path, "Member must be a list")
            return
        if len(value) < self.least:
            yield _fault(value, path, f"Member must have length greater than or equal to {self.least}")
        if self.most is not None and len(value) > self.most:
            yield _fault(f"{len(value)} members", path, f"Member must have length less than or equal to {self.most}")
            return
        for place, each in enumerate(value, start=1):
            yield from self.of.faults(each, f"{path}.{place}.member")
        if self.distinct is not None:
            names = [each.get(self.distinct) for each in value if isinstance(each, dict)]
            for name in sorted({str(name) for name in names if name is not None and names.count(name) > 1}):
                yield _fault(name, path, f"Member must have unique {self.distinct}")


@dataclass(frozen=True, slots=True)
class Members:
    """An object. What it has besides is left alone: a newer client may say more."""

    required: Mapping[str, "Shape"]
    optional: Mapping[str, "Shape"] = field(default_factory=dict)

    def faults(self, value: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _fault(value, path, "Member must be an object")
            return
        start = f"{path}." if path else ""
        for name, shape in {**self.required, **self.optional}.items():
            given = value.get(name)
            if given is not None:
                yield from shape.faults(given, start + name)
            elif name in self.required:
                yield _fault(None, start + name, "Member must not be null")


type Shape = Text | Whole | Many | Members

_SHOWN = 100


def check(shape: Members, document: Any) -> None:
    """Raises ApiError with everything that is wrong."""
    faults = list(shape.faults(document, ""))
    if faults:
        errors = "error" if len(faults) == 1 else "errors"
        raise invalid(f"{len(faults)} validation {errors} detected: {'; '.join(faults)}")


def _fault(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:_SHOWN]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"
