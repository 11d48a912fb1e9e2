"""The detector models at work, and the inputs they listen to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from coldwatch.detection.detector import Watch
from coldwatch.engine.model import DetectorModel
from coldwatch.profiles.deployment import Deployment


class Files(Protocol):
    """What ships: models by name, the version of each, and how they are deployed."""

    @property
    def models(self) -> Mapping[str, DetectorModel]: ...
    @property
    def versions(self) -> Mapping[str, str]: ...
    @property
    def deployment(self) -> Deployment: ...


@dataclass(frozen=True, slots=True)
class Watches:
    by_model: Mapping[str, Watch]
    by_input: Mapping[str, tuple[Watch, ...]]

    @classmethod
    def of(cls, files: Files) -> Self:
        clocks = {name: each.clock for name, each in files.deployment.models.items()}
        watches = {name: Watch(model, clocks[name], files.versions[name]) for name, model in files.models.items()}
        return cls(watches, _by_input(watches.values()))

    def of_input(self, input_name: str) -> Sequence[Watch]:
        return self.by_input.get(input_name, ())


def _by_input(watches: Iterable[Watch]) -> dict[str, tuple[Watch, ...]]:
    found: dict[str, tuple[Watch, ...]] = {}
    for watch in watches:
        for name in watch.model.inputs:
            found[name] = (*found.get(name, ()), watch)
    return found
