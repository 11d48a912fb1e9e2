"""The detector models, inputs, profiles and the deployment that ship with the code."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from coldwatch.engine.alarm_model import is_alarm_model, load_alarm_model
from coldwatch.engine.documents import decode
from coldwatch.engine.inputs import Input, load_inputs
from coldwatch.engine.loader import load_model
from coldwatch.engine.machines import Model, machine_of
from coldwatch.engine.report import Report
from coldwatch.profiles.catalog import Catalog
from coldwatch.profiles.deployment import Deployment, read_deployment
from coldwatch.profiles.errors import DeploymentError, ProfileError
from coldwatch.profiles.profile import Profile, read_profile

FOLDER = Path(__file__).parents[2] / "detectors"


@dataclass(frozen=True)
class DetectorFiles:
    """`models`, of detectors and of alarms, are those that the deployment runs, by name. `versions` are theirs: another
    one for another content, however the file is laid out.
    """

    models: dict[str, Model]
    versions: dict[str, str]
    inputs: dict[str, Input]
    deployment: Deployment
    catalog: Catalog


@cache
def load_detectors(folder: Path = FOLDER) -> DetectorFiles:
    """Everything in `folder`, read once; whatever is wrong in it is raised.

    A model that the deployment does not name stays in its drawer; one that it names and that is not there is an error.
    """
    deployment = load_deployment(folder)
    models: dict[str, Model] = {}
    versions: dict[str, str] = {}
    for body in _bodies(folder / "models"):
        model = _model(body)
        name = machine_of(model).name
        if name in models:
            raise DeploymentError(f"models/ holds two models of the name {name}.")
        models[name], versions[name] = model, _version(body)
    if missing := sorted(deployment.models.keys() - models.keys()):
        raise DeploymentError(f"deployment.json names detector models that are not in models/: {', '.join(missing)}.")
    return DetectorFiles(
        models={name: models[name] for name in deployment.models},
        versions={name: versions[name] for name in deployment.models},
        inputs=dict(load_inputs(_bodies(folder / "inputs"))),
        deployment=deployment,
        catalog=load_catalog(folder),
    )


@cache
def load_deployment(folder: Path = FOLDER) -> Deployment:
    return read_deployment((folder / "deployment.json").read_bytes())


@cache
def load_catalog(folder: Path = FOLDER) -> Catalog:
    """Every profile, without the models: for whoever only asks which thresholds hold."""
    return Catalog(
        (_profile(path) for path in sorted((folder / "profiles").glob("*.json"))), load_deployment(folder).profiles
    )


def _bodies(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.json"))]


def _model(body: bytes) -> Model:
    """A body of CreateAlarmModel, or of CreateDetectorModel."""
    return load_alarm_model(body) if is_alarm_model(decode(body, Report()) or {}) else load_model(body)


def _version(body: bytes) -> str:
    content = msgspec.json.encode(msgspec.json.decode(body), order="deterministic")
    return hashlib.sha256(content).hexdigest()[:16]


def _profile(path: Path) -> Profile:
    try:
        profile = read_profile(path.read_bytes())
    except ProfileError as error:
        raise ProfileError(f"{path.name}: {error}") from error
    if profile.name != path.stem:
        raise ProfileError(f"{path.name} holds the profile {profile.name}: a profile's file has its name.")
    return profile
