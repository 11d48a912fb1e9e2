"""`python-statemachine`: an instance for each device, as its documentation has it."""

from collections.abc import Sequence

from statemachine import State, StateMachine

from benchmarks.candidates.reading import Reading, decode
from benchmarks.candidates.streaming import decode_each
from benchmarks.reference import Alarm, paired


class Device(StateMachine):
    allow_event_without_transition = True

    normal = State(initial=True)
    pending = State()
    alarm = State()
    clearing = State()

    take = (
        normal.to(pending, cond="is_hot", on="begin")
        | pending.to(normal, unless="is_hot")
        | pending.to(alarm, cond="is_sustained", on="raise_alarm")
        | alarm.to(clearing, cond="is_cool", on="begin")
        | clearing.to(alarm, unless="is_cool")
        | clearing.to(normal, cond="is_recovered", on="clear_alarm")
    )

    def __init__(self, changes: list[tuple[str, int, bool]]) -> None:
        self._told = changes
        self._since = 0
        super().__init__()

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
        self._told.append((message.device_id, message.timestamp, True))

    def clear_alarm(self, message: Reading) -> None:
        self._told.append((message.device_id, message.timestamp, False))


class Candidate:
    def __init__(self) -> None:
        self._changes: list[tuple[str, int, bool]] = []
        self._devices: dict[str, Device] = {}

    def decode(self, lines: Sequence[bytes]) -> None:
        decode_each(decode, lines)

    def feed(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            message = decode(line)
            device = self._devices.get(message.device_id)
            if device is None:
                device = self._devices[message.device_id] = Device(self._changes)
            device.take(message)

    def answer(self) -> list[Alarm]:
        return paired(self._changes)
