"""What a fleet lives through, read from a file: which devices, how long, what happens to whom and when.

Times are seconds of device time since the run began. A device of a scenario goes by its label,
`{fleet}-{type}-{number}`; which thing plays it is decided when it runs.
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from simulator import malformed
from simulator.errors import ScenarioError

SCENARIOS = Path(__file__).parent / "scenarios"
_SCHEMA = SCENARIOS / "scenario.schema.json"
_APPLICATIONS = {"machine": "factory"}
_BOX_EVENTS = ("door_open", "spike", "compressor_failure", "compressor_repair", "freeze")


class How(StrEnum):
    """How a device answers commands, as an event of the kind `answers` says."""

    NORMAL = "normal"
    LATE = "late"
    TWICE = "twice"
    REJECTED = "rejected"
    FAILED = "failed"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """A part in a scenario: `number` counts from 1 within a fleet and a type."""

    fleet: str
    type: str
    number: int

    @property
    def label(self) -> str:
        return f"{self.fleet}-{self.type}-{self.number}"

    @property
    def application(self) -> str:
        return _APPLICATIONS.get(self.type, "coldchain")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to some devices. `for_s` is None for what lasts to the end, or has no length."""

    kind: str
    at_s: float
    labels: tuple[str, ...]
    for_s: float | None = None
    rate: float = 0.0
    peak_g: float = 0.0
    peak_c: float = 0.0
    drift_s_per_hour: float = 0.0
    messages: tuple[str, ...] = ()
    how: How = How.NORMAL
    about: str = ""

    def is_on(self, at_s: float) -> bool:
        return self.at_s <= at_s and (self.for_s is None or at_s < self.at_s + self.for_s)


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    about: str
    seed: int
    duration_s: float
    acceleration: float
    reporting_period_s: float
    devices: tuple[PlannedDevice, ...]
    events: tuple[Event, ...] = field(default=())

    @property
    def wall_s(self) -> float:
        return self.duration_s / self.acceleration

    def events_of(self, label: str) -> tuple[Event, ...]:
        return tuple(event for event in self.events if label in event.labels)

    def how_answers(self, label: str, at_s: float) -> How:
        """How the device answers commands at a moment: as the last event says that is on."""
        told = [event for event in self.events_of(label) if event.kind == "answers" and event.is_on(at_s)]
        return max(told, key=lambda event: event.at_s).how if told else How.NORMAL


@dataclass(frozen=True, slots=True)
class AllowedSerial:
    """What the allow-list must say of a device before it can be claimed."""

    serial: str
    application: str
    fleet_id: str
    device_type: str


def allow_list(scenario: Scenario) -> list[AllowedSerial]:
    """Serials for every device of a scenario, SN0001 and on in the order of its file."""
    return [
        AllowedSerial(f"SN{number:04d}", device.application, device.fleet, device.type)
        for number, device in enumerate(scenario.devices, start=1)
    ]


def load(path: Path | str) -> Scenario:
    """The scenario in a file, or the shipped one of that name. Raises `ScenarioError` with every fault in it."""
    file = _find(path)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        shipped = ", ".join(sorted(each.stem for each in SCENARIOS.glob("*.json") if "." not in each.stem))
        raise ScenarioError(str(path), [f"{error.strerror}; the shipped ones are {shipped}."]) from error
    except ValueError as error:
        raise ScenarioError(str(path), [f"It is not JSON: {error}."]) from error
    return parse(document, name=file.stem)


def _find(path: Path | str) -> Path:
    shipped = SCENARIOS / f"{path}.json"
    return shipped if "/" not in str(path) and shipped.exists() else Path(path)


def parse(document: Any, *, name: str) -> Scenario:
    """The scenario a JSON document describes. Raises `ScenarioError` with every fault in it."""
    faults = [_sentence(error) for error in sorted(_validator().iter_errors(document), key=lambda e: e.json_path)]
    if faults:
        # The schema's reader complains once for each missing member; one sentence names them all.
        raise ScenarioError(name, list(dict.fromkeys(faults)))
    devices = _devices(document["devices"])
    labels = [device.label for device in devices]
    faults = [fault for at, event in enumerate(document.get("events", ())) for fault in _faults(at, event, labels)]
    if faults:
        raise ScenarioError(name, faults)
    return Scenario(
        name=name,
        about=document["about"],
        seed=document["seed"],
        duration_s=float(document["duration_s"]),
        acceleration=float(document.get("acceleration", 1)),
        reporting_period_s=float(document["reporting_period_s"]),
        devices=devices,
        events=tuple(_event(event, labels) for event in document.get("events", ())),
    )


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(_SCHEMA.read_text(encoding="utf-8")))


def _devices(groups: list[dict[str, Any]]) -> tuple[PlannedDevice, ...]:
    """Two groups of the same fleet and type count on, so that every label is given once."""
    counted: dict[tuple[str, str], int] = {}
    devices: list[PlannedDevice] = []
    for group in groups:
        kind = (group["fleet"], group["type"])
        first = counted.get(kind, 0) + 1
        counted[kind] = counted.get(kind, 0) + group["count"]
        devices += [PlannedDevice(*kind, number) for number in range(first, counted[kind] + 1)]
    return tuple(devices)


def _event(document: dict[str, Any], labels: list[str]) -> Event:
    names = ("for_s", "rate", "peak_g", "peak_c", "drift_s_per_hour")
    optional = {name: document[name] for name in names if name in document}
    return Event(
        kind=document["kind"],
        at_s=float(document["at_s"]),
        labels=_matching(document, labels),
        messages=tuple(document.get("messages", ())),
        how=How(document.get("how", How.NORMAL)),
        about=document.get("about", ""),
        **optional,
    )


def _faults(at: int, event: dict[str, Any], labels: list[str]) -> list[str]:
    """What the schema cannot say: the devices and the malformed messages that an event names must exist."""
    strangers = [each for each in event["devices"] if not any(fnmatchcase(label, each) for label in labels)]
    machines = [label for label in _matching(event, labels) if label.split("-")[1] == "machine"]
    unknown = [each for each in event.get("messages", ()) if each not in malformed.DETAILS]
    return [
        *(f"events[{at}].devices: no device of this scenario is called {each!r}." for each in strangers),
        *(
            f"events[{at}].messages: there is no malformed message {each!r}; there are {', '.join(malformed.DETAILS)}."
            for each in unknown
        ),
        *(
            f"events[{at}].devices: {machine} is a machine: {event['kind']} happens to refrigerated boxes."
            for machine in machines
            if event["kind"] in _BOX_EVENTS
        ),
    ]


def _matching(event: dict[str, Any], labels: list[str]) -> tuple[str, ...]:
    return tuple(label for label in labels if any(fnmatchcase(label, each) for each in event["devices"]))


def _sentence(error: ValidationError) -> str:
    place = error.json_path.removeprefix("$").removeprefix(".")
    return f"{place}: {_complaint(error)}." if place else f"The file: {_complaint(error)}."


def _complaint(error: ValidationError) -> str:
    allowed: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "enum":
            return f"{error.instance!r} is not one of {', '.join(map(str, allowed))}"
        case "required":
            return f"{' and '.join(name for name in allowed if name not in given)} missing"
        case "exclusiveMinimum":
            return f"{error.instance!r} is not more than {allowed}"
        case _:
            return error.message
