"""Fewer samples for a drawing, and nothing lost that anybody would look for in it."""

import math
from collections.abc import Sequence

from coldwatch.reports.spans import Sample


def thin(samples: Sequence[Sample], at_most: int) -> list[Sample]:
    """No more than so many, with the peaks among them: of each slice its lowest and its highest, and both ends."""
    if len(samples) <= at_most:
        return list(samples)
    size = math.ceil(2 * len(samples) / (at_most - 2))
    slices = [samples[start : start + size] for start in range(0, len(samples), size)]
    kept = {each for part in slices for each in (min(part, key=_value), max(part, key=_value))}
    return sorted(kept | {samples[0], samples[-1]})


def _value(sample: Sample) -> float:
    return sample[1]
