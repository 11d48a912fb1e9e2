"""How measured figures are told."""

import statistics
from collections.abc import Sequence


def percentiles(seconds: Sequence[float]) -> str:
    """Minimum, median, 90th and 99th percentile and maximum.

    >>> percentiles([float(number) for number in range(1, 101)])
    'min 1.0 s, median 50.5 s, p90 90.1 s, p99 99.0 s, max 100.0 s'
    """
    hundredths = statistics.quantiles(seconds, n=100, method="inclusive")
    told = {
        "min": min(seconds),
        "median": statistics.median(seconds),
        "p90": hundredths[89],
        "p99": hundredths[98],
        "max": max(seconds),
    }
    return ", ".join(f"{name} {value:.1f} s" for name, value in told.items())
