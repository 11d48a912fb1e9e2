"""The answer that every row has to give, found without a state machine: each message looks back over its own run.

An alarm begins with the first message above 8.0 whose unbroken run above 8.0 is at least 120 s old. It is cleared by
the first message at or below 7.5 whose unbroken run at or below 7.5 is at least 60 s old.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

ABOVE: Final = 8.0
BELOW: Final = 7.5
SUSTAINED_MS: Final = 120_000
RECOVERED_MS: Final = 60_000

type Reading = tuple[int, float]
type Alarm = tuple[str, int, int | None]
"""The device, when its alarm began, and when it was cleared, in epoch ms; None where it never was."""


def answer(lines: Iterable[bytes]) -> list[Alarm]:
    readings: defaultdict[str, list[Reading]] = defaultdict(list)
    for line in lines:
        message = json.loads(line)
        readings[message["device_id"]].append((message["timestamp"], message["temp_c"]))
    return sorted(alarm for device, course in readings.items() for alarm in _alarms(device, course))


def _alarms(device: str, course: list[Reading]) -> Iterable[Alarm]:
    began = _ends_of_runs(course, lambda temp: temp > ABOVE, SUSTAINED_MS)
    cleared = _ends_of_runs(course, lambda temp: temp <= BELOW, RECOVERED_MS)
    since = 0
    while (alarm := next((at for at in began if at > since), None)) is not None:
        over = next((at for at in cleared if at > alarm), None)
        yield device, alarm, over
        if over is None:
            return
        since = over


def _ends_of_runs(course: list[Reading], holds: Callable[[float], bool], least_ms: int) -> list[int]:
    """The times of all messages whose run is old enough."""
    return [course[number][0] for number in range(len(course)) if _is_old_enough(course, number, holds, least_ms)]


def _is_old_enough(course: list[Reading], number: int, holds: Callable[[float], bool], least_ms: int) -> bool:
    now = course[number][0]
    while number >= 0 and holds(course[number][1]):
        if now - course[number][0] >= least_ms:
            return True
        number -= 1
    return False


def paired(changes: Iterable[tuple[str, int, bool]]) -> list[Alarm]:
    """Of what a state machine tells as it goes (the device, when, and whether an alarm began): the same list."""
    began: dict[str, int] = {}
    alarms: list[Alarm] = []
    for device, at, has_begun in changes:
        if has_begun:
            began[device] = at
        else:
            alarms.append((device, began.pop(device), at))
    return sorted([*alarms, *((device, at, None) for device, at in began.items())])
