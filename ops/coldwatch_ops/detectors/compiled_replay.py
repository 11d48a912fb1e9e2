"""A replay in compiled code: a plain message is decoded once, to what its model reads, and mostly that is all."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec

from coldwatch.engine.evaluation import Evaluation, Trigger
from coldwatch.engine.inputs import Input
from coldwatch.engine.layout import Packed, UnreadableInputError
from coldwatch.engine.program import IRREGULAR, Program
from coldwatch_ops.detectors.machines import CompiledMachine
from coldwatch_ops.detectors.replay import Failure, Replay
from coldwatch_ops.detectors.trace import LATEST_MS, Arrival, Unreadable, read_line


class Stamp(msgspec.Struct, frozen=True, gc=False):
    timeInMillis: Annotated[int, msgspec.Meta(ge=0, lt=LATEST_MS)]  # noqa: N815 - as the trace has it


class NoMessage(msgspec.Struct, frozen=True, tag_field="inputName", tag=""):
    """So that a message has to say its input also where a model has but one."""


NOT_PLAIN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MEMBERS: Final = (
    ("messageId", Annotated[str, msgspec.Meta(min_length=1)] | None, None),
    ("timestamp", Stamp | None, None),
    # Whoever has one of these is no message, whatever else it has.
    ("advanceTo", msgspec.UnsetType, msgspec.UNSET),
    ("customerAction", msgspec.UnsetType, msgspec.UNSET),
)

type Way = tuple[str, Callable[[Any], str | None]]
"""An input, and where its messages have their key."""


class CompiledReplay(Replay[Packed]):
    """Whatever is no plain message (another entry, a fault, a key that is a number) is taken as every replay takes it;
    values that the compiled code does not know are the interpreter's.
    """

    def __init__(self, program: Program, inputs: Mapping[str, Input] | None = None, *, tells_all: bool = False) -> None:
        super().__init__(CompiledMachine(program, tells_all), inputs)
        self._program = program
        self._tells_all = tells_all
        self._ways = _ways(program, program.layout.inputs if inputs is None else sorted(inputs))
        lines: Any = NoMessage
        for struct in self._ways:
            lines |= struct
        self._decode: Callable[[bytes | str], Any] = msgspec.json.Decoder(lines).decode

    def read(self, lines: Iterable[bytes]) -> Iterator[Evaluation | Failure]:
        for number, line in enumerate(lines, start=1):
            try:
                # The decoder passes over what the model does not read; that has to be text all the same.
                found = self._decode(line if line.isascii() else line.decode())
                way = self._ways[type(found)]
            except (*NOT_PLAIN, KeyError):
                entry = read_line(number, line)
                if entry is not None:
                    yield from self.enter(entry)
                continue
            if found.timestamp is not None:
                at_ms = found.timestamp.timeInMillis
                if self._due and self._due[0][0] <= at_ms:
                    yield from self.advance(at_ms)
                elif at_ms > self.now_ms:
                    self.now_ms = at_ms
            result = self._take(way, found, number, line)
            if result is not None:
                yield result

    def _take(self, way: Way, found: Any, number: int, line: bytes) -> Evaluation | Failure | None:
        input_name, key_of = way
        payload, message_id, now_ms = found.payload, found.messageId, self.now_ms
        key = key_of(payload)
        if message_id is not None and self.is_repeat(key, message_id):
            return None
        before = self.detectors.get(key)

        def trigger() -> Trigger:
            return Trigger("message", input_name, message_id or f"line-{number}")

        try:
            after, told = self._program.step_decoded(
                before, payload, input_name, key=key, now_ms=now_ms, trigger=trigger
            )
        except IRREGULAR:
            return self._take_irregular(key, before, number, line)
        if after is not before:
            self.keep(key, before, after)
        if told is None and self._tells_all:
            return self._program.unchanged(after, trigger(), key=key, now_ms=now_ms)
        return told

    def _take_irregular(
        self, key: str | None, before: Packed | None, number: int, line: bytes
    ) -> Evaluation | Failure | None:
        """Decoded again, whole: then it may be that a number is too large which the model does not read."""
        entry = read_line(number, line)
        if isinstance(entry, Unreadable):
            return Failure.of(entry, self.now_ms)
        assert isinstance(entry, Arrival)
        after, evaluation = self._program.step_interpreted(before, entry.message, key=key, now_ms=self.now_ms)
        self.keep(key, before, after)
        return evaluation


def _ways(program: Program, inputs: Iterable[str]) -> dict[type[msgspec.Struct], Way]:
    """By the struct of a whole line, for each input whose messages compiled code can take."""
    ways: dict[type[msgspec.Struct], Way] = {}
    for name in inputs:
        if name not in program.layout.inputs:
            continue
        try:
            payload, key_of = program.payload(name)
        except UnreadableInputError:
            continue
        members: Any = (("payload", payload), *_MEMBERS)
        line = msgspec.defstruct("Line", members, frozen=True, gc=False, kw_only=True, tag_field="inputName", tag=name)
        ways[line] = name, key_of
    return ways
