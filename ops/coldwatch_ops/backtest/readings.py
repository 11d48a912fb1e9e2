"""What a picture shows of a detector: its readings, thinned without losing a peak, and what they are compared with."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.interpreter import evaluate, follow
from coldwatch.engine.machine import Message, key_value
from coldwatch.engine.model import DetectorModel, Expression
from coldwatch.engine.scope import Scope
from coldwatch.engine.survey import expressions
from coldwatch.engine.syntax import Binary, InputReference, Literal, Node, walk
from coldwatch_ops.backtest.candidates import Candidate
from coldwatch_ops.backtest.comparison import device_of
from coldwatch_ops.backtest.firings import Firing
from coldwatch_ops.backtest.messages import incoming
from coldwatch_ops.backtest.rows import Row

type Point = tuple[int, float]

PANELS: Final = 6
_STRETCHES: Final = 1_000
_COMPARING: Final = ("<", "<=", ">", ">=")
_JOINED_IN: Final = ("profile", "limits")
_USUAL: Final = ("temp_c", "value")
_PREFIX: Final = re.compile(r"\$input\.\w+\.(?:(?:profile|limits)\.)?")


class Thinned:
    """Of each stretch of time the lowest and the highest reading; stretches grow as there come to be more of them."""

    def __init__(self) -> None:
        self._width_ms = 1_000
        self._stretches: dict[int, tuple[Point, Point]] = {}

    def add(self, point: Point) -> None:
        self._put(point[0] // self._width_ms, (point, point))
        while len(self._stretches) > _STRETCHES:
            self._width_ms *= 2
            narrow, self._stretches = self._stretches, {}
            for number, extremes in narrow.items():
                self._put(number // 2, extremes)

    def _put(self, number: int, extremes: tuple[Point, Point]) -> None:
        lowest, highest = self._stretches.get(number, extremes)
        self._stretches[number] = min(lowest, extremes[0], key=_value), max(highest, extremes[1], key=_value)

    @property
    def points(self) -> list[Point]:
        return sorted({point for extremes in self._stretches.values() for point in extremes})


def _value(point: Point) -> float:
    return point[1]


@dataclass(frozen=True, slots=True)
class Threshold:
    """`is_derived`: computed, as what a recovery waits for is. `candidate` is whose it is."""

    label: str
    value: float
    is_derived: bool
    candidate: int


@dataclass(frozen=True, slots=True)
class Panel:
    key: str
    attribute: str
    points: Sequence[Point]
    thresholds: Sequence[Threshold]
    firings: Sequence[Firing]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition's comparison of an attribute with something that messages or the model itself say."""

    path: tuple[str | int, ...]
    other: Node
    label: str


def comparisons(model: DetectorModel) -> list[Comparison]:
    """Those of the attribute that is compared most often."""
    found = [
        each
        for expression in expressions(model.states.values())
        for node in walk(expression.node)
        if isinstance(node, Binary) and node.operator in _COMPARING
        for each in _compared(node, expression)
    ]
    if not found:
        return []
    [(path, _)] = Counter(each.path for each in found).most_common(1)
    return [each for each in found if each.path == path]


def _compared(node: Binary, expression: Expression) -> Iterator[Comparison]:
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(one, InputReference) and one.path and one.path[0] not in _JOINED_IN:
            text = expression.source[other.span.start : other.span.end]
            yield Comparison(one.path, other, _PREFIX.sub("", text).replace("`", ""))


@dataclass(slots=True)
class _Collected:
    thinned: Thinned = field(default_factory=Thinned)
    payloads: dict[int, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    """The last message of each candidate."""


class Collector:
    """Gathers the readings of the detectors that are to be drawn; without any named, of the first that come."""

    def __init__(self, candidates: Sequence[Candidate], keys: Iterable[str], device: str | None) -> None:
        self._candidates = candidates
        self._wanted = set(keys)
        self._device = device
        self._compared = {each.number: comparisons(each.model) for each in candidates}
        self._found: dict[str, _Collected] = {}

    def add(self, row: Row) -> None:
        taken = set[str]()
        for candidate in self._candidates:
            if row.input_name not in candidate.model.inputs:
                continue
            payload = incoming(row, candidate).payload
            key = _key(candidate.model, Message(row.input_name, payload, ""))
            if key is None or not self._is_wanted(key):
                continue
            collected = self._found.setdefault(key, _Collected())
            collected.payloads[candidate.number] = (row.input_name, payload)
            value = follow(payload, self._path(candidate.number, payload))
            if key not in taken and isinstance(value, int | float) and not isinstance(value, bool):
                taken.add(key)
                collected.thinned.add((row.timestamp, float(value)))

    def _is_wanted(self, key: str) -> bool:
        if self._device is not None:
            return self._device in {key, device_of(key)}
        return key in self._wanted if self._wanted else key in self._found or len(self._found) < PANELS

    def _path(self, candidate: int, payload: Mapping[str, Any]) -> tuple[str | int, ...]:
        """What is compared; else what telemetry usually measures."""
        compared = self._compared[candidate]
        if compared:
            return compared[0].path
        return next(((name,) for name in _USUAL if name in payload), ())

    def panels(self, firings: Sequence[Firing]) -> list[Panel]:
        return [
            self._panel(key, collected, [firing for firing in firings if (firing.key or "") == key])
            for key, collected in sorted(self._found.items())
        ]

    def _panel(self, key: str, collected: _Collected, firings: Sequence[Firing]) -> Panel:
        first, (_, payload) = min(collected.payloads.items())
        attribute = ".".join(map(str, self._path(first, payload)))
        thresholds = [
            each
            for number, (input_name, payload) in sorted(collected.payloads.items())
            for each in _thresholds(self._compared[number], input_name, payload, number)
        ]
        return Panel(key, attribute, collected.thinned.points, _distinct(thresholds), firings)


def _key(model: DetectorModel, message: Message) -> str | None:
    try:
        return key_value(model, message) or ""
    except EvaluationError:
        return None


def _thresholds(
    compared: Iterable[Comparison], input_name: str, payload: Mapping[str, Any], candidate: int
) -> Iterator[Threshold]:
    """Those that have a value whatever the detector's variables are."""
    scope = Scope({}, {input_name: payload}, message_input=input_name)
    for each in compared:
        try:
            value = evaluate(each.other, scope)
        except EvaluationError:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            label = "" if isinstance(each.other, Literal) else each.label
            yield Threshold(label, float(value), isinstance(each.other, Binary), candidate)


def _distinct(thresholds: Iterable[Threshold]) -> list[Threshold]:
    """One line for each height; the plain one where there is one."""
    found: dict[float, Threshold] = {}
    for each in sorted(thresholds, key=lambda each: (each.is_derived, each.candidate)):
        found.setdefault(each.value, each)
    return list(found.values())
