"""`deployment.json`: what a detector model's document has no word for. Which clock it runs by, which incident
it opens, if any, and which profile holds for devices that have none of their own.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from coldwatch.profiles.errors import DeploymentError

_Text = Annotated[str, Meta(min_length=1)]


class Clock(StrEnum):
    """`WALL`: time is when messages arrive, as the service had it. `EVENT`: time is the device's own."""

    WALL = "wall"
    EVENT = "event"


class IncidentForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The incident that a model opens. `title` is what a person reads first, before the device's name."""

    kind: Literal[
        "too_warm",
        "too_cold",
        "cumulative_high",
        "cumulative_second",
        "silent",
        "battery_low",
        "shock",
        "out_of_range",
        "power_loss",
    ]
    severity: Literal["critical", "warning"]
    title: Annotated[str, Meta(min_length=1, max_length=60)]


class PreviousVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version before, `previous/{model}.json`: `rollout` is the part of all detectors that the new one has taken
    over, and `clock` is the previous version's, where it was another.
    """

    rollout: Annotated[float, Meta(ge=0, le=1)]
    clock: Clock | None = None


class ModelDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`incident` is None for a model that opens none. `previous` is there while a new version is rolled out to a part
    of the detectors.
    """

    incident: IncidentForm | None = None
    clock: Clock = Clock.WALL
    previous: PreviousVersion | None = None


class DefaultProfiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of profiles, by application and, more narrowly, by device type."""

    coldchain: _Text
    factory: _Text
    by_device_type: dict[str, _Text] = msgspec.field(default_factory=dict)


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`models`: by the name of the detector model. One that is not named here is not run."""

    profiles: DefaultProfiles
    models: dict[str, ModelDeployment]


def read_deployment(document: bytes) -> Deployment:
    """From its JSON; raises `DeploymentError` saying what is wrong with it."""
    try:
        return msgspec.json.decode(document, type=Deployment)
    except msgspec.MsgspecError as error:
        raise DeploymentError(f"Not a deployment of detectors: {error}.") from error
