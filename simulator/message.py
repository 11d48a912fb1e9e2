"""A message of a device, and its way onto the wire."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why a message is published at the moment it is."""

    LIVE = "live"
    BUFFERED = "buffered"
    REORDERED = "reordered"
    DUPLICATE = "duplicate"
    HOSTILE = "hostile"
    RECORDED = "recorded"
    BURST = "burst"
    RESPONSE = "response"
    """The answer to a command: no telemetry, and not counted as such."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a device wants to say at `at_s`, seconds of device time since the run began."""

    at_s: float
    payload: bytes
    kind: Kind = Kind.LIVE


@dataclass(frozen=True, slots=True)
class Transmission:
    """A message that goes onto the wire at `at_s`."""

    at_s: float
    label: str
    payload: bytes
    kind: Kind


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A device that loses its link, or finds it again."""

    at_s: float
    label: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something a person who watches should be told. `at_s` is device time, as everywhere."""

    at_s: float
    text: str
    labels: tuple[str, ...]


type Step = Transmission | LinkChange | Announcement
