"""`coldwatch detectors ...`: detectors of a stack, as the detector table keeps them."""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldwatch.adapters.detector_files import load_detectors
from coldwatch.detection.detector import Detector, Watch, decode_detector, watches
from coldwatch.detection.effect import detector_id
from coldwatch.detection.errors import StoredDetectorError
from coldwatch.engine.errors import ModelError
from coldwatch.profiles.errors import ProfilesError
from coldwatch_ops.answer import Answer
from coldwatch_ops.backtest.candidates import SHIPPED
from coldwatch_ops.command import Context
from coldwatch_ops.detectors import view
from coldwatch_ops.detectors.files import finding_lines
from coldwatch_ops.detectors.outlook import look_ahead, told
from coldwatch_ops.errors import FailedError, NotFoundError, UsageError
from coldwatch_ops.items import items
from coldwatch_ops.stack import Stack

_NO_DETECTORS = ("shard/", "effect/", "seen/")
"""What else is in the table: how far shards are evaluated, and which effects were carried out."""

TOLD_EACH = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    model: str | None
    device: str | None

    def fits(self, detector: Detector) -> bool:
        return self.model in {None, detector.model} and self.device in {None, detector.device_id}


def run_list(options: Namespace, context: Context) -> Answer:
    found, faults = read_all(context.open_stack(), Wanted(options.model, options.device))
    return view.listed(found, faults)


def run_preview(options: Namespace, context: Context) -> Answer:
    folder = _models_folder(options.detectors)
    deployed = _watches(folder)
    if options.model is not None:
        deployed = {name: watch for name, watch in deployed.items() if name == options.model}
    wanted, faults = Wanted(options.model, None), list[str]()
    detectors = (each for each in read_each(context.open_stack(), faults) if wanted.fits(each))
    found = look_ahead(_counted(detectors, context), deployed)
    if not found and not faults:
        raise NotFoundError(f"There is no detector model {options.model}, neither in {folder} nor in the stack.")
    return told(found, sorted(faults), str(folder))


def _models_folder(said: str | None) -> Path:
    """The checkout that is worked in stands before what the command was installed with: that may be older."""
    if said is not None:
        return Path(said)
    here = Path("detectors")
    return here if (here / "deployment.json").is_file() else SHIPPED


def _watches(folder: Path) -> dict[str, Watch]:
    try:
        files = load_detectors(folder)
    except OSError as error:
        raise UsageError(f"{folder} is no folder of detectors: {error}.") from None
    except ModelError as error:
        raise FailedError(f"A model in {folder} cannot run:", finding_lines(error.findings)) from None
    except ProfilesError as error:
        raise FailedError(f"{folder} cannot be deployed: {error}") from None
    return watches(files.models, files.versions, files.deployment, files.previous)


def _counted(detectors: Iterable[Detector], context: Context) -> Iterator[Detector]:
    for number, detector in enumerate(detectors, start=1):
        if number % TOLD_EACH == 0:
            context.say(f"{number:,} detectors looked at ...")
        yield detector


def run_show(options: Namespace, context: Context) -> Answer:
    return view.shown(read_one(context.open_stack(), options.model, options.key))


def read_all(stack: Stack, wanted: Wanted) -> tuple[list[Detector], list[str]]:
    """The detectors that are wanted, and a sentence for each item that cannot be read."""
    faults: list[str] = []
    found = [each for each in read_each(stack, faults) if wanted.fits(each)]
    return sorted(found, key=lambda each: each.detector_id), sorted(faults)


def read_each(stack: Stack, faults: list[str]) -> Iterator[Detector]:
    """One after the other, in no order. `faults` gets a sentence for each item that cannot be read."""
    for item in _detector_items(stack):
        try:
            yield decode_detector(item["body"], item["version"], is_owing="owed" in item)
        except StoredDetectorError as error:
            faults.append(f"{item['detector_id']}: {error}.")


def read_one(stack: Stack, model: str, key: str) -> Detector:
    name = detector_id(model, key)
    item = stack.table("DetectorTableName").get_item(Key={"detector_id": name}, ConsistentRead=True).get("Item")
    if item is None or name.startswith(_NO_DETECTORS):
        raise NotFoundError(f"There is no detector {name}: one begins with the first message for its key.")
    try:
        return decode_detector(str(item["body"]), int(str(item["version"])), is_owing="owed" in item)
    except StoredDetectorError as error:
        raise FailedError(f"{name}: {error}.") from None


def _detector_items(stack: Stack) -> Iterator[dict[str, Any]]:
    for item in items(stack.table("DetectorTableName").scan):
        if not item["detector_id"].startswith(_NO_DETECTORS):
            yield item
