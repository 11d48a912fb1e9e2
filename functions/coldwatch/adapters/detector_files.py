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
from coldwatch.profiles.deployment import Deployment, ModelDeployment, read_deployment
from coldwatch.profiles.errors import DeploymentError, ProfileError
from coldwatch.profiles.profile import Profile, read_profile

FOLDER = Path(__file__).parents[2] / "detectors"

type _Version = tuple[Model, str]


@dataclass(frozen=True)
class DetectorFiles:
    """`models`, of detectors and of alarms, are those that the deployment runs, by name. `versions` are theirs: another
    one for another content, however the file is laid out. `previous` are those that a model is being rolled out in
    place of, with theirs.
    """

    models: dict[str, Model]
    versions: dict[str, str]
    previous: dict[str, tuple[Model, str]]
    inputs: dict[str, Input]
    deployment: Deployment
    catalog: Catalog


@cache
def load_detectors(folder: Path = FOLDER) -> DetectorFiles:
    """Everything in `folder`, read once; whatever is wrong in it is raised.

    A model that the deployment does not name stays in its drawer; one that it names and that is not there is an error.
    So it is with the versions before, in `previous/`.
    """
    deployment = load_deployment(folder)
    found = _models(folder / "models")
    if missing := sorted(deployment.models.keys() - found.keys()):
        raise DeploymentError(f"deployment.json names detector models that are not in models/: {', '.join(missing)}.")
    previous = _models(folder / "previous")
    rolled_out = [name for name, deployed in deployment.models.items() if deployed.previous is not None]
    for name in rolled_out:
        _check_rollout(name, deployment.models[name], found[name], previous.get(name))
    return DetectorFiles(
        models={name: found[name][0] for name in deployment.models},
        versions={name: found[name][1] for name in deployment.models},
        previous={name: previous[name] for name in rolled_out},
        inputs=dict(load_inputs(_bodies(folder / "inputs"))),
        deployment=deployment,
        catalog=load_catalog(folder),
    )


def _check_rollout(name: str, deployed: ModelDeployment, new: _Version, previous: _Version | None) -> None:
    """A detector is known by its key: if that were the value of another attribute, no fraction of them could move."""
    if previous is None:
        raise DeploymentError(f"deployment.json rolls {name} out, and previous/ has no model of that name.")
    if type(previous[0]) is not type(new[0]):
        raise DeploymentError(f"{name} is an alarm model in one version and none in the other: call it otherwise.")
    if machine_of(previous[0]).key != machine_of(new[0]).key:
        raise DeploymentError(f"The new version of {name} has another key than the previous one: call it otherwise.")
    clock = deployed.previous.clock if deployed.previous else None
    if previous[1] == new[1] and clock in {None, deployed.clock}:
        raise DeploymentError(f"deployment.json rolls {name} out, but previous/ has the same version as models/.")


@cache
def load_deployment(folder: Path = FOLDER) -> Deployment:
    return read_deployment((folder / "deployment.json").read_bytes())


@cache
def load_catalog(folder: Path = FOLDER) -> Catalog:
    """Every profile, without the models: for whoever only asks which thresholds hold."""
    return Catalog(
        (_profile(path) for path in sorted((folder / "profiles").glob("*.json"))), load_deployment(folder).profiles
    )


def _models(folder: Path) -> dict[str, _Version]:
    """By name."""
    found: dict[str, _Version] = {}
    for body in _bodies(folder):
        model = _model(body)
        name = machine_of(model).name
        if name in found:
            raise DeploymentError(f"{folder.name}/ holds two models of the name {name}.")
        found[name] = model, _version(body)
    return found


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
