"""Figures of each candidate, and where candidates differ, device by device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldwatch_ops.backtest.firings import Firing

_SENSORS = ("temperature", "pressure", "vibration")


@dataclass(frozen=True, slots=True)
class Figures:
    """`devices` counts those that fired."""

    firings: int
    devices: int
    lasted_ms: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One device: the figures of each candidate, in their order."""

    device: str
    figures: tuple[Figures, ...]

    @property
    def is_one(self) -> bool:
        return len(set(self.figures)) > 1


def figures(firings: Sequence[Firing], until_ms: int) -> Figures:
    devices = {device_of(firing.key) for firing in firings}
    return Figures(len(firings), len(devices), sum(firing.lasted_ms(until_ms) for firing in firings))


def device_of(key: str | None) -> str:
    """A machine's sensors have a detector each, called `device:sensor`.

    >>> device_of("press-1:pressure"), device_of("fridge:2"), device_of(None)
    ('press-1', 'fridge:2', '')
    """
    device, _, sensor = (key or "").rpartition(":")
    return device if sensor in _SENSORS else key or ""


def differences(by_candidate: Mapping[int, Sequence[Firing]], until_ms: int) -> list[Difference]:
    """Every device that fired with any candidate; the greatest difference in firings first."""
    devices = sorted({device_of(firing.key) for firings in by_candidate.values() for firing in firings})
    found = [
        Difference(
            device,
            tuple(
                figures([firing for firing in firings if device_of(firing.key) == device], until_ms)
                for _, firings in sorted(by_candidate.items())
            ),
        )
        for device in devices
    ]
    return sorted(found, key=_spread, reverse=True)


def _spread(difference: Difference) -> tuple[int, int]:
    """Sorting keeps equal ones in the order of their names."""
    counts = [each.firings for each in difference.figures]
    times = [each.lasted_ms for each in difference.figures]
    return max(counts) - min(counts), max(times) - min(times)
