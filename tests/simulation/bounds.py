"""The runtime's bounds, made so small that a small fleet reaches them: how full a log gets, how much is remembered."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, Final

from coldwatch.adapters import epochs
from coldwatch.detection import effect, log, outside, ports
from evaluate_detectors import work

_SMALL: Final[tuple[tuple[Any, str, tuple[Any, ...]], ...]] = (
    (log, "SLOTS", (2, 4, 8)),
    (log, "PAGE_BYTES", (120, 400)),
    (work, "PAGE_BYTES", (120, 400)),
    (work, "_FEW", (0,)),
    (work, "oldest_beyond", (partial(log.oldest_beyond, limit=100), partial(log.oldest_beyond, limit=600))),
    (ports, "MOST_TOUCHED", (0, 1, 3)),
    (effect, "ENOUGH_EFFECTS", (1, 3, 8)),
    (epochs, "MOST_LISTED", (1, 2)),
    (outside, "MOST_ACTIONS", (4, 6)),
)
"""Module, name and what it may be instead. An even number of slots: only then do two bases never share theirs."""


@contextmanager
def small_bounds(random: Random) -> Iterator[None]:
    """Each with an even chance; the same for both runs of a seed."""
    usual = [(module, name, getattr(module, name)) for module, name, _ in _SMALL]
    try:
        for module, name, values in _SMALL:
            value = random.choice(values)
            if random.random() < 0.5:
                setattr(module, name, value)
        yield
    finally:
        for module, name, value in usual:
            setattr(module, name, value)
