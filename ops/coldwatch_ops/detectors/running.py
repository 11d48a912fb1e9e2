"""`coldwatch detectors ...`: detectors of a stack, as the detector table keeps them."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from coldwatch.detection.detector import Detector, decode_detector
from coldwatch.detection.effect import detector_id
from coldwatch.detection.errors import StoredDetectorError
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context
from coldwatch_ops.detectors import view
from coldwatch_ops.errors import FailedError, NotFoundError
from coldwatch_ops.items import items
from coldwatch_ops.stack import Stack

_NO_DETECTORS = ("shard/", "effect/", "seen/")
"""What else is in the table: how far shards are evaluated, and which effects were carried out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    model: str | None
    device: str | None

    def fits(self, detector: Detector) -> bool:
        return self.model in {None, detector.model} and self.device in {None, detector.device_id}


def run_list(options: Namespace, context: Context) -> Answer:
    found, faults = read_all(context.open_stack(), Wanted(options.model, options.device))
    return view.listed(found, faults)


def run_show(options: Namespace, context: Context) -> Answer:
    return view.shown(read_one(context.open_stack(), options.model, options.key))


def read_all(stack: Stack, wanted: Wanted) -> tuple[list[Detector], list[str]]:
    """The detectors that are wanted, and a sentence for each item that cannot be read."""
    found: list[Detector] = []
    faults: list[str] = []
    for item in _detector_items(stack):
        try:
            detector = decode_detector(item["body"], item["version"], is_owing="owed" in item)
        except StoredDetectorError as error:
            faults.append(f"{item['detector_id']}: {error}.")
            continue
        if wanted.fits(detector):
            found.append(detector)
    return sorted(found, key=lambda each: each.detector_id), sorted(faults)


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
