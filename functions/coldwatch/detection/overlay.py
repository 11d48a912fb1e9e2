"""Detectors as they are: the stored ones, with what the logs of their home shards know of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from coldwatch.detection.detector import Detector
from coldwatch.detection.log import Logged, Logs
from coldwatch.detection.ports import DetectorStore
from coldwatch.detection.small import overlaid


@dataclass(frozen=True, slots=True)
class Loaded:
    """`logs` are of the shards that are at home to any of the detectors, as they were read: who writes one of these
    detectors has to make sure that they still are so.
    """

    detectors: Mapping[str, Detector]
    logs: Mapping[str, Logged]


def load(detector_ids: Collection[str], store: DetectorStore, logs: Logs, *, own: str = "") -> Loaded:
    """Those that are there. What the log of the shard `own` says is left to the caller, who knows it already.

    A detector is read again behind its log. Read before it alone, it could have been written in between, and be missing
    both the write and what the log said until then.
    """
    found = dict(store.load(detector_ids)) if detector_ids else {}
    known: dict[str, Logged] = {}
    while unread := {home for each in found.values() for home in each.homes} - known.keys() - {own}:
        known |= logs.read(unread)
        if any(known[home].checkpoint.log.last for home in unread):
            found |= store.load([name for name, each in found.items() if each.homes - {own}])
    return Loaded({name: _overlaid(each, known) for name, each in found.items()}, known)


def _overlaid(stored: Detector, logs: Mapping[str, Logged]) -> Detector:
    logged = logs.get(stored.home)
    return overlaid(stored, logged.entries.get(stored.detector_id)) if logged else stored
