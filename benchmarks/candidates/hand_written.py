"""`hand-written`: what an expert writes for this one rule. The floor: every ratio is against it."""

from collections.abc import Sequence
from typing import Final

from benchmarks.candidates.reading import decode
from benchmarks.candidates.streaming import decode_each
from benchmarks.reference import Alarm, paired

PENDING: Final = 0
ALARM: Final = 1
CLEARING: Final = 2


class Candidate:
    def __init__(self) -> None:
        self._states: dict[str, tuple[int, int]] = {}
        """Where a device is, and since when. Most are normal: they have no entry."""
        self._changes: list[tuple[str, int, bool]] = []

    def decode(self, lines: Sequence[bytes]) -> None:
        decode_each(decode, lines)

    def feed(self, lines: Sequence[bytes]) -> None:  # noqa: C901 - one loop without calls is the point
        states, changes = self._states, self._changes
        find, read = states.get, decode
        for line in lines:
            message = read(line)
            state = find(message.device_id)
            if state is None:
                if message.temp_c > 8.0:
                    states[message.device_id] = (PENDING, message.timestamp)
            elif state[0] == PENDING:
                if message.temp_c <= 8.0:
                    del states[message.device_id]
                elif message.timestamp - state[1] >= 120_000:
                    states[message.device_id] = (ALARM, 0)
                    changes.append((message.device_id, message.timestamp, True))
            elif state[0] == ALARM:
                if message.temp_c <= 7.5:
                    states[message.device_id] = (CLEARING, message.timestamp)
            elif message.temp_c > 7.5:
                states[message.device_id] = (ALARM, 0)
            elif message.timestamp - state[1] >= 60_000:
                del states[message.device_id]
                changes.append((message.device_id, message.timestamp, False))

    def answer(self) -> list[Alarm]:
        return paired(self._changes)
