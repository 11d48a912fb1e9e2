"""What is tried: each model with each profile, its clock, and what it takes for a message."""

import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from coldwatch.engine.errors import ModelError
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.survey import expressions
from coldwatch.engine.syntax import InputReference, walk
from coldwatch.profiles.catalog import Catalog
from coldwatch.profiles.context import INPUTS
from coldwatch.profiles.deployment import Clock, Deployment, read_deployment
from coldwatch.profiles.errors import ProfilesError
from coldwatch.profiles.profile import Profile, read_profile
from coldwatch_ops.backtest.rows import MEASUREMENTS
from coldwatch_ops.detectors.files import ModelFile, finding_lines, model_files, read_document, read_file
from coldwatch_ops.errors import FailedError, UsageError

SHIPPED = Path(__file__).parents[1] / "shipped"
"""Coldwatch's own profiles, and the deployment with the clocks of its own models."""
_JOINED = MEASUREMENTS | {"profile", "sensor_id", "limits"}
_SENSOR_KEYS = {("device_id",), ("sensor_id",)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model as one of several that are compared. It goes to other processes, which read the model's `content` again.

    Without a `profile` each device has that of its type, as a device that nobody gave another one.
    """

    number: int
    label: str
    content: bytes
    resource: str | None
    """Of a template, the model's logical id; None: the first."""
    name: str
    clock: Clock
    profile: str | None
    profiles: str | None
    is_joined: bool
    """Whether it reads telemetry as Coldwatch's stream has it: with the device's profile. Others get it as it is."""

    @property
    def model(self) -> DetectorModel:
        return _load(self.content, self.name, self.resource)

    @property
    def catalog(self) -> Catalog:
        return load_catalog(self.profiles)


@cache
def _load(content: bytes, name: str, resource: str | None) -> DetectorModel:
    return load_model(content, name=name, resource=resource)


def read_candidates(options: Namespace) -> tuple[Candidate, ...]:
    files = model_files(options.models)
    models = [(file, *_read(file)) for file in files]
    joined = [is_joined(model) for _, _, model in models]
    if len(set(joined)) > 1:
        raise UsageError(
            f"{_named(files, joined, own=True)} reads Coldwatch's own telemetry and {_named(files, joined, own=False)}"
            " messages of another form: backtest them apart."
        )
    if options.profile and not joined[0]:
        raise UsageError(f"{files[0]} reads no profile as Coldwatch's telemetry has it: leave --profile out.")
    found: list[Candidate] = []
    for (file, content, model), profile in _pairs(models, options.profile or [None]):
        label = _label(file, model, profile, options, [each.name for _, _, each in models])
        clock = Clock(options.clock) if options.clock else clock_of(model.name)
        _check_profile(model, profile, options.profiles)
        read = content, file.resource, model.name
        found.append(Candidate(len(found), label, *read, clock, profile, options.profiles, joined[0]))
    return tuple(found)


def _pairs[M](models: Sequence[M], profiles: Sequence[str | None]) -> Iterator[tuple[M, str | None]]:
    for model in models:
        for profile in profiles:
            yield model, profile


def _named(files: Sequence[ModelFile], joined: Sequence[bool], *, own: bool) -> str:
    return str(next(file for file, is_own in zip(files, joined, strict=True) if is_own is own))


def _read(file: ModelFile) -> tuple[bytes, DetectorModel]:
    try:
        content = read_document(file.path)
        return content, _load(content, re.sub(r"[^a-zA-Z0-9_-]", "_", file.path.stem)[:128] or "model", file.resource)
    except ModelError as error:
        raise FailedError(f"{file} cannot run:", finding_lines(error.findings)) from None


def _label(file: ModelFile, model: DetectorModel, profile: str | None, options: Namespace, names: list[str]) -> str:
    """The model's name, or its file's where several share one; the profile where that makes the difference."""
    own = model.name if names.count(model.name) == 1 else file.path.stem
    if profile is None:
        return own
    return profile if len(names) == 1 and len(options.profile) > 1 else f"{own} with {profile}"


def is_joined(model: DetectorModel) -> bool:
    """Whether everything it reads is what Coldwatch's telemetry has. Another's input may be called the same."""
    if not model.inputs or not model.inputs <= set(INPUTS.values()) or model.key_path not in _SENSOR_KEYS:
        return False
    return attributes(model) <= _JOINED


def attributes(model: DetectorModel) -> frozenset[str]:
    """What it reads of its messages, by the first name of each path."""
    return frozenset(
        str(node.path[0])
        for expression in expressions(model.states.values())
        for node in walk(expression.node)
        if isinstance(node, InputReference) and node.path
    )


def unseen(candidate: Candidate, names: AbstractSet[str]) -> list[str]:
    """What the model reads, where readings have nothing of it: columns are called otherwise."""
    always = {"profile", "limits", "sensor_id", "device_id", "timestamp", *candidate.model.key_path[:1]}
    read = attributes(candidate.model) - always
    return [] if read & names else sorted(read)


@cache
def _deployment() -> Deployment:
    return read_deployment((SHIPPED / "deployment.json").read_bytes())


def clock_of(model_name: str) -> Clock:
    """As `deployment.json` has it; that of the service for a model that is not there."""
    deployed = _deployment().models.get(model_name)
    return deployed.clock if deployed else Clock.WALL


@cache
def load_catalog(folder: str | None) -> Catalog:
    """Coldwatch's own profiles, and those of the folder beside them or in their place."""
    try:
        profiles = {each.name: each for each in _read_profiles(SHIPPED / "profiles")}
        if folder is not None:
            profiles |= {each.name: each for each in _read_profiles(Path(folder))}
        return Catalog(profiles.values(), _deployment().profiles)
    except ProfilesError as error:
        raise FailedError(f"The profiles cannot be used: {error}") from None


def _read_profiles(folder: Path) -> list[Profile]:
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UsageError(f"{folder} is no folder of profiles: there is no *.json in it.")
    try:
        return [read_profile(read_file(path)) for path in paths]
    except ProfilesError as error:
        raise FailedError(f"The profiles in {folder} cannot be used: {error}") from None


def _check_profile(model: DetectorModel, name: str | None, folder: str | None) -> None:
    catalog = load_catalog(folder)
    if name is None:
        return
    if name not in catalog.profiles:
        raise UsageError(f"There is no profile {name}; there are {', '.join(sorted(catalog.profiles))}.")
    application = catalog.profiles[name].application
    if INPUTS[application] not in model.inputs:
        raise UsageError(f"{model.name} does not look at readings of {application}, for which {name} is a profile.")
