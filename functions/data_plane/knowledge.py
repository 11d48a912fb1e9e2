"""What the API works with: the inputs and models of the installation, and its stores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Watch
from coldwatch.detection.effect import detector_id
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.ports import ModelIndex, Registry
from coldwatch.engine.machines import AlarmMachine, DetectorMachine
from coldwatch.profiles.catalog import Catalog
from data_plane.errors import invalid, not_found


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`watches` are the deployed models, by name."""

    inputs: frozenset[str]
    watches: Mapping[str, Watch]
    catalog: Catalog

    def looking_at(self, input_name: str) -> Sequence[Watch]:
        return [watch for watch in self.watches.values() if input_name in watch.inputs]

    def detectors_of(self, model: str) -> Watch:
        """Raises ApiError if no such detector model is deployed."""
        watch = self.watches.get(model)
        if watch is None or not isinstance(watch.machine, DetectorMachine):
            raise not_found(f"Detector model of name: {model} not found")
        return watch

    def alarms_of(self, model: str) -> Watch:
        """Raises ApiError if no such alarm model is deployed."""
        watch = self.watches.get(model)
        if watch is None or not isinstance(watch.machine, AlarmMachine):
            raise not_found(f"Alarm model of name: {model} not found")
        return watch


@dataclass(frozen=True, slots=True)
class Ports:
    """`frontier` makes anew what tells how far the stream is evaluated: it remembers, and a request must not."""

    commit: CommitPorts
    registry: Registry
    index: ModelIndex
    frontier: Callable[[], Frontier]


def one_of(watch: Watch, key: str | None) -> tuple[str, Watch]:
    """The id of a detector and the version of its model that it is under; raises ApiError where the model's key and the
    request's do not go together.
    """
    is_keyed = watch.machine.key is not None
    if is_keyed and key is None:
        raise invalid(f"keyValue is missing: {watch.name} has one detector for each value of its key")
    if key is not None and not is_keyed:
        raise invalid(f"keyValue is not to be given: {watch.name} has no key")
    return detector_id(watch.name, key), watch.for_key(key)
