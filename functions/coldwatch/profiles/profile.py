"""A profile: a named, versioned set of thresholds and durations, with where they come from."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from coldwatch.profiles.errors import ProfileError
from coldwatch.profiles.values import SHAPES, Values

_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$(?!\n)")]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name
    version: Annotated[int, Meta(ge=1)]
    about: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1)]
    application: Literal["coldchain", "factory"]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """`source` says which standard asks for it, and what is somebody's own choice.

    `changed` are the members that one device has its own way.
    """

    name: str
    version: int
    about: str
    source: str
    application: str
    values: Values
    changed: tuple[str, ...] = ()

    def members(self) -> dict[str, Any]:
        """As detector models read it and as it is stamped on an incident."""
        changed = {"changed": list(self.changed)} if self.changed else {}
        return {"name": self.name, "version": self.version, **self.values.members(), **changed}


def read_profile(document: bytes) -> Profile:
    """A profile from its JSON; raises `ProfileError` saying what is wrong with it."""
    try:
        file = msgspec.json.decode(document, type=_File)
        values = msgspec.convert(file.values, SHAPES[file.application])
    except msgspec.MsgspecError as error:
        raise ProfileError(f"Not a profile: {error}.") from error
    if faults := values.contradictions():
        raise ProfileError(f"The profile {file.name} contradicts itself: {' '.join(faults)}")
    return Profile(file.name, file.version, file.about, file.source, file.application, values)
