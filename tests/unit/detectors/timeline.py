"""Timelines: at these times these readings; between these times these openings and recoveries, and no others.

Times are seconds of the device's clock since the timeline began; nothing waits. What is driven is what the runtime
drives: the files in `detectors/`, the context join, and `coldwatch.detection.step`, with the stored detectors in a
dictionary. Every timeline is played twice: as it is, and with each message published twice, which must not matter.

    timeline = Timeline("sustained_excursion_high")
    timeline.push(every(10, until=minutes(6)), temp_c=9.0)
    timeline.expect_opening(between(300, 310))
    timeline.run()

`deploy` puts another version of the model in place: what comes then meets it, and so does the sweep. `change` has the
device's own limits changed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from coldwatch.adapters.detector_files import FOLDER, DetectorFiles, load_detectors
from coldwatch.detection.detector import (
    Detector,
    Watch,
    decode_detector,
    encode_detector,
    new_detector,
    without_pending,
    written,
)
from coldwatch.detection.step import Arrival, Step, expire_due, receive
from coldwatch.engine.evaluation import Message
from coldwatch.engine.loader import load_model
from coldwatch.profiles import Clock, RegisteredDevice, join

START_MS = 1_767_225_600_000
QUIET_READING = {"temp_c": 5.0, "humidity_pct": 45.0, "shock_g": 0.02, "battery_pct": 80.0, "door_open": False}
OPENED, RECOVERED = "opened", "recovered"
_WORDS = {"open_incident": OPENED, "recover_incident": RECOVERED}


def minutes(number: float) -> float:
    return 60 * number


def hours(number: float) -> float:
    return 3600 * number


def every(period_s: float, *, start: float = 0, until: float) -> Iterator[float]:
    """From `start` to `until`, which is the last one if the period hits it."""
    return (start + number * period_s for number in range(int((until - start) / period_s) + 1))


@dataclass(frozen=True)
class Window:
    start: float
    end: float

    def __str__(self) -> str:
        return f"at {self.start:g} s" if self.start == self.end else f"between {self.start:g} and {self.end:g} s"


def between(start: float, end: float) -> Window:
    return Window(start, end)


def at(moment: float) -> Window:
    return Window(moment, moment)


@dataclass(frozen=True)
class Finding:
    """What a detector asked for: the effect as it goes to the queue, and when on the detector's clock."""

    what: str
    at: float
    key: str
    effect: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Pushed:
    at: float
    arrives: float
    measurements: Mapping[str, Any]

    @property
    def reading_key(self) -> str:
        body = self.measurements
        return f"{body['timestamp']:013d}#{body.get('sensor_type', '-')}#{body['seq']}"


@dataclass
class Stored:
    """The detectors of one model as a store keeps them: only what a step says has changed is written."""

    watch: Watch
    files: DetectorFiles
    device: RegisteredDevice
    updates: list[tuple[float, Watch]] = field(default_factory=list)
    changes: list[tuple[float, RegisteredDevice]] = field(default_factory=list)
    detectors: dict[str, Detector] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    writes: int = 0
    records: int = 0

    def take(self, pushed: Pushed) -> None:
        self.records += 1
        input_name, payload = join(pushed.measurements, self.device, self.files.catalog)
        if input_name not in self.watch.model.inputs:
            return
        origin = f"shard-0:{self.records}"
        key = self.watch.machine.key_value(Message(input_name, payload, origin))
        arrival = Arrival(
            input_name=input_name,
            payload=payload,
            origin=origin,
            shard_id="shard-0",
            sequence=self.records,
            thing=self.device.device_id,
            device_id=self.device.device_id,
            application=self.device.application,
            reading_key=pushed.reading_key,
            timestamp=pushed.measurements["timestamp"],
            arrived_at=in_ms(pushed.arrives),
        )
        known = self.detectors.get(key or "") or new_detector(self.watch, key)
        self._keep(receive(known, arrival, self.watch))

    def pass_time(self, until: float) -> None:
        """What the sweep does, and only on the wall clock: on the event clock it is messages that make time pass."""
        if self.watch.clock is Clock.WALL:
            for detector in list(self.detectors.values()):
                self._keep(expire_due(detector, self.watch, until_ms=in_ms(until)))

    def go_on(self, until: float) -> None:
        """Time passes to then, and versions are put in place and limits changed in between."""
        while self.changes and self.changes[0][0] <= until:
            self.device = self.changes.pop(0)[1]
        while self.updates and self.updates[0][0] <= until:
            at, watch = self.updates.pop(0)
            self.pass_time(at)
            self.watch = watch
        self.pass_time(until)

    def _keep(self, step: Step) -> None:
        if not step.has_changed:
            return
        for effect in step.detector.pending:
            word = _WORDS[effect.action.fields["functionArn"].rsplit(":", 1)[-1]]
            document = msgspec.to_builtins(effect)
            self.findings.append(Finding(word, (effect.occurred_at - START_MS) / 1000, effect.key or "", document))
        kept = written(without_pending(step.detector))
        self.detectors[kept.key or ""] = decode_detector(encode_detector(kept), kept.version, is_owing=True)
        self.writes += 1


class Timeline:
    def __init__(
        self,
        model: str,
        *,
        profile: str | None = None,
        device_id: str = "north-fridge-1",
        application: str = "coldchain",
        device_type: str | None = None,
        **changes: Any,
    ) -> None:
        self._files = load_detectors()
        clock = Clock(self._files.deployment.models[model].clock)
        self._watch = Watch(self._files.models[model], clock, self._files.versions[model])
        self._device = RegisteredDevice(
            device_id=device_id,
            fleet_id="north",
            application=application,
            device_type=device_type,
            profile=profile,
            profile_changes=msgspec.json.encode(changes).decode() if changes else None,
        )
        assert not self._files.catalog.in_force(self._device).faults
        self._pushed: list[Pushed] = []
        self._expected: list[tuple[str, Window, str | None]] = []
        self._until = 0.0
        self._updates: list[tuple[float, Watch]] = []
        self._changes: list[tuple[float, RegisteredDevice]] = []
        self.writes = 0
        """How often the first playing stored a detector."""

    def push(self, times: Iterable[float] | float, *, arriving: float | None = None, **measurements: Any) -> None:
        """A reading at each of these times, which arrives at once or, from a buffer, all together later."""
        quiet = QUIET_READING if self._device.application == "coldchain" else {}
        for moment in [times] if isinstance(times, int | float) else times:
            stamp = {"device_id": self._device.device_id, "timestamp": in_ms(moment), "seq": len(self._pushed) + 1}
            arrives = moment if arriving is None else arriving
            self._pushed.append(Pushed(at=moment, arrives=arrives, measurements={**stamp, **quiet, **measurements}))

    def push_all(self, messages: Iterable[Pushed]) -> None:
        """Messages that something else has made."""
        self._pushed += messages

    def push_again(self, moment: float, *, arriving: float) -> None:
        """The readings of that moment once more: the same reading, another message."""
        again = [each for each in self._pushed if each.at == moment]
        assert again, f"nothing was pushed at {moment}"
        self._pushed += [Pushed(at=each.at, arrives=arriving, measurements=each.measurements) for each in again]

    def wait(self, until: float) -> None:
        """Nothing more comes; the wall clock goes on to then."""
        self._until = until

    def deploy(self, moment: float, change: Callable[[str], str], *, clock: Clock | None = None) -> None:
        """From then on another version is deployed: the model's text as `change` makes it of the one in the folder."""
        text = (FOLDER / "models" / f"{self._watch.name}.json").read_text()
        changed = change(text)
        assert changed != text or clock, "that is the same version"
        name = f"deployed at {moment:g}"
        self._updates.append((moment, Watch(load_model(changed), clock or self._watch.clock, name)))

    def change(self, moment: float, **changes: Any) -> None:
        """From then on the device has these members of its profile its own way, and no others."""
        changed = replace(self._device, profile_changes=msgspec.json.encode(changes).decode() if changes else None)
        assert not self._files.catalog.in_force(changed).faults
        self._changes.append((moment, changed))

    def expect_opening(self, window: Window, *, key: str | None = None) -> None:
        self._expected.append((OPENED, window, key))

    def expect_recovery(self, window: Window, *, key: str | None = None) -> None:
        self._expected.append((RECOVERED, window, key))

    def run(self) -> list[Finding]:
        """What was found; fails unless it is what was expected, in order, and nothing else."""
        found = self.play()
        assert len(found) == len(self._expected), self._told(found)
        for finding, (what, window, key) in zip(found, self._expected, strict=True):
            assert finding.what == what, self._told(found)
            assert window.start <= finding.at <= window.end, self._told(found)
            assert key in (None, finding.key), self._told(found)
        repeated = [(each.what, each.at, each.key) for each in self.play(times=2)]
        assert repeated == [(each.what, each.at, each.key) for each in found], "messages that come twice count twice"
        return found

    def play(self, *, times: int = 1) -> list[Finding]:
        """What is found, whatever was expected; each message is published so many times."""
        stored = Stored(self._watch, self._files, self._device, list(self._updates), list(self._changes))
        for pushed in sorted(self._pushed, key=lambda each: each.arrives):
            for _ in range(times):
                stored.go_on(pushed.arrives)
                stored.take(pushed)
        stored.go_on(self._until)
        if times == 1:
            self.writes = stored.writes
        return stored.findings

    def _told(self, found: list[Finding]) -> str:
        expected = [f"{what} {window}" + (f" ({key})" if key else "") for what, window, key in self._expected]
        happened = [f"{each.what} at {each.at:g} s ({each.key})" for each in found]
        return f"expected {', '.join(expected) or 'nothing'}; happened: {', '.join(happened) or 'nothing'}"


def in_ms(moment: float) -> int:
    return START_MS + round(moment * 1000)
