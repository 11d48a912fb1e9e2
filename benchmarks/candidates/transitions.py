"""`transitions`: one machine for all devices, as its documentation advises for many models."""

from collections.abc import Callable, Sequence

from transitions import Machine

from benchmarks.candidates.reading import Reading, decode
from benchmarks.candidates.streaming import decode_each
from benchmarks.reference import Alarm, paired


class Device:
    take: Callable[[Reading], bool]
    """The machine gives it to each of its models."""

    def __init__(self, changes: list[tuple[str, int, bool]]) -> None:
        self._changes = changes
        self._since = 0

    def is_hot(self, message: Reading) -> bool:
        return message.temp_c > 8.0

    def is_sustained(self, message: Reading) -> bool:
        return message.timestamp - self._since >= 120_000

    def is_cool(self, message: Reading) -> bool:
        return message.temp_c <= 7.5

    def is_recovered(self, message: Reading) -> bool:
        return message.timestamp - self._since >= 60_000

    def begin(self, message: Reading) -> None:
        self._since = message.timestamp

    def raise_alarm(self, message: Reading) -> None:
        self._changes.append((message.device_id, message.timestamp, True))

    def clear_alarm(self, message: Reading) -> None:
        self._changes.append((message.device_id, message.timestamp, False))


TRANSITIONS = [
    {"source": "normal", "dest": "pending", "conditions": "is_hot", "after": "begin"},
    {"source": "pending", "dest": "normal", "unless": "is_hot"},
    {"source": "pending", "dest": "alarm", "conditions": "is_sustained", "after": "raise_alarm"},
    {"source": "alarm", "dest": "clearing", "conditions": "is_cool", "after": "begin"},
    {"source": "clearing", "dest": "alarm", "unless": "is_cool"},
    {"source": "clearing", "dest": "normal", "conditions": "is_recovered", "after": "clear_alarm"},
]


class Candidate:
    def __init__(self) -> None:
        self._changes: list[tuple[str, int, bool]] = []
        self._devices: dict[str, Device] = {}
        self._machine = Machine(
            model=None,
            states=["normal", "pending", "alarm", "clearing"],
            transitions=[{"trigger": "take", **each} for each in TRANSITIONS],
            initial="normal",
            auto_transitions=False,
        )

    def decode(self, lines: Sequence[bytes]) -> None:
        decode_each(decode, lines)

    def feed(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            message = decode(line)
            device = self._devices.get(message.device_id) or self._new(message.device_id)
            device.take(message)

    def _new(self, device_id: str) -> Device:
        device = self._devices[device_id] = Device(self._changes)
        self._machine.add_model(device)
        return device

    def answer(self) -> list[Alarm]:
        return paired(self._changes)
