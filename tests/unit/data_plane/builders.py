"""Pumps with a detector model, two alarm models and one for the whole plant, beside what ships; and who asks."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coldwatch.adapters.detector_files import DetectorFiles, load_detectors
from coldwatch.detection.detector import Detector, watches
from coldwatch.detection.frontier import Frontier
from coldwatch.engine.alarm_model import load_alarm_model
from coldwatch.engine.inputs import load_inputs
from coldwatch.engine.loader import load_model
from coldwatch.engine.machines import Model
from coldwatch.profiles.deployment import Deployment, ModelDeployment
from data_plane.answering import Answer, Use, answer, failure
from data_plane.errors import ApiError, ErrorCode
from data_plane.knowledge import Knowledge, Ports
from data_plane.operations import operation_of
from data_plane.requests import Request
from tests.unit.detection.builders import NOW
from tests.unit.detection.fakes import FakeCheckpoints, FakeRegistry, FakeTails, Stepper, World, commit_ports

FOLDER = Path(__file__).parents[2] / "fixtures" / "data_plane"
PUMPS: dict[str, Model] = {
    "pump_pressure": load_model((FOLDER / "models/pump_pressure.json").read_bytes()),
    "plant": load_model((FOLDER / "models/plant.json").read_bytes()),
    "pump_heat": load_alarm_model((FOLDER / "models/pump_heat.json").read_bytes()),
    "pump_cold": load_alarm_model((FOLDER / "models/pump_cold.json").read_bytes()),
}
INPUTS = load_inputs(path.read_bytes() for path in (FOLDER / "inputs").glob("*.json"))
CALLER = "arn:aws:iam::123456789012:user/operator"


def sample_files() -> DetectorFiles:
    """What ships, with the pumps."""
    own = load_detectors()
    deployed = {**own.deployment.models, **{name: ModelDeployment() for name in PUMPS}}
    return DetectorFiles(
        models={**own.models, **PUMPS},
        versions={**own.versions, **dict.fromkeys(PUMPS, "1")},
        previous={},
        inputs={**own.inputs, **INPUTS},
        deployment=Deployment(own.deployment.profiles, deployed),
        catalog=own.catalog,
    )


FILES = sample_files()
WATCHES = watches(FILES.models, FILES.versions, FILES.deployment, FILES.previous)
KNOWLEDGE = Knowledge(frozenset(FILES.inputs), WATCHES, FILES.catalog)


class FakeModelIndex:
    """Follows the store at once."""

    def __init__(self, world: World) -> None:
        self.world = world

    def page(self, model: str, *, after: str | None, at_most: int) -> tuple[Sequence[str], str | None]:
        there = [each for each in self.world.detectors.values() if each.model == model and each.snapshot is not None]
        names = sorted(each.detector_id for each in there)
        left = [each for each in names if after is None or each > after]
        return left[:at_most], left[at_most - 1] if len(left) > at_most else None


def ports_of(world: World, stepper: Stepper | None = None) -> Ports:
    step = stepper or Stepper()

    def frontier() -> Frontier:
        return Frontier(FakeCheckpoints(world, step), FakeTails(world, step))

    return Ports(commit_ports(world, step), FakeRegistry(world, step), FakeModelIndex(world), frontier)


class BrokenError(Exception):
    """Something that nobody expects."""


def fault_of(error: Exception) -> ApiError:
    if isinstance(error, BrokenError):
        return ApiError(ErrorCode.INTERNAL_FAILURE, "broken")
    raise error


def ask(
    world: World,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    now_ms: int = NOW,
    stepper: Stepper | None = None,
) -> Answer:
    """What a request is answered."""
    raw = b"" if body is None else json.dumps(body).encode()
    parts = tuple(path.strip("/").split("/"))
    try:
        operation, document = operation_of(Request(method, parts, query or {}, raw, CALLER))
        use = Use(ports_of(world, stepper), KNOWLEDGE, fault_of)
        return answer(operation, document, use, caller=CALLER, now_ms=now_ms)
    except ApiError as error:
        return failure(error, caller=CALLER)


def message(message_id: str, payload: Any, *, input_name: str = "PumpInput", at: int | None = None) -> dict[str, Any]:
    """As it is on the wire."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    made = {"messageId": message_id, "inputName": input_name, "payload": base64.b64encode(raw).decode()}
    return made if at is None else {**made, "timestamp": {"timeInMillis": at}}


def pump(message_id: str, *, pump: str = "p1", **values: Any) -> dict[str, Any]:
    return message(message_id, {"pump": pump, **values})


def put(world: World, *messages: Mapping[str, Any], now_ms: int = NOW, stepper: Stepper | None = None) -> list[Any]:
    """The error entries of BatchPutMessage."""
    given = ask(world, "POST", "/inputs/messages", body={"messages": messages}, now_ms=now_ms, stepper=stepper)
    assert given.status == 200, given.body
    entries: list[Any] = given.body["BatchPutMessageErrorEntries"]
    return entries


def stored(world: World, name: str) -> Detector:
    return world.detectors[name]


def state_of(world: World, name: str) -> str | None:
    snapshot = stored(world, name).snapshot
    return snapshot.state if snapshot else None


def variables_of(world: World, name: str) -> Mapping[str, Any]:
    snapshot = stored(world, name).snapshot
    return snapshot.variables if snapshot else {}
