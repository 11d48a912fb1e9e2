"""What happens whatever goes wrong: a small fleet, what its devices say, and how stream and registry change meanwhile.

A workload comes in phases, with an hour of silence behind each. In it everything gets done, in every run; so a change
of the registry between two phases falls between the same two messages in every run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import msgspec

from coldwatch.adapters.items import Scalar
from coldwatch.detection.detector import Watch
from coldwatch.detection.effect import detector_id
from coldwatch.detection.frontier import GIVEN_UP_AFTER_MS
from tests.simulation.models import ADDED_TO, IN_ANY_ORDER, NOTING_SHOCKS, WATCHES
from tests.simulation.stream import HASHES, Stream
from tests.unit.telemetry.builders import NOW, coldchain, envelope_of, factory

BREAK_MS: Final = 3_600_000
POISONED_BREAK_MS: Final = GIVEN_UP_AFTER_MS + BREAK_MS
"""A record that was given up, and that nothing came after, holds timers back for so long at most."""
STORM_GOES_ON_MS: Final = 600_000
"""Things still go wrong so long after the last message of a phase."""
FLEET: Final = "acme"
GATEWAYS: Final = ("acme-gateway-g1", "acme-gateway-g2")
POISON: Final = "acme-fridge-poison"
"""Our own code fails on what this device says, always: the event source gives its records up."""
PROFILES: Final[tuple[str | None, ...]] = (
    None,
    '{"high_duration_s": 60, "recovery_s": 60}',
    '{"silence_s": 90, "minimum_readings": 1}',
    '{"high_c": 5, "silence_s": 420}',
)

ROAMING: Final = 0.15
"""So many fleets are of devices in and out of their gateways' reach."""

QUIET: Final = 0.15
"""So many fleets are looked at by a single model, which leaves most messages to their lanes."""

type Entry = dict[str, Scalar | None]


@dataclass(frozen=True, slots=True)
class Phase:
    """`entries` are written to the registry as it begins; a storm may rage until `storm_until`. `additions` say when
    somebody writes which detector by hand.
    """

    begins_at: int
    storm_until: int
    ends_at: int
    entries: tuple[Entry, ...]
    additions: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class Workload:
    stream: Stream
    watches: dict[str, Watch]
    phases: list[Phase] = field(default_factory=list)
    most_remembered: int = 1_000
    reshards: int = 0
    profile_changes: int = 0
    is_roaming: bool = False
    """Its children speak by their gateways and for themselves in turns, and so to two shards. Nobody promises in which
    order these are evaluated: only models look on to which any order is the same.
    """


@dataclass(frozen=True, slots=True)
class Limits:
    """For making a failing run smaller."""

    devices: int = 5
    messages: int = 1_000
    phases: int = 3


@dataclass(slots=True)
class _Said:
    at: int
    device: str
    content: dict[str, Any]


def make_workload(random: Random, limits: Limits) -> Workload:
    workload, phases = _looked_at(random)
    devices = _fleet(random, with_gateway=0.9 if workload.is_roaming else 0.3)
    now_ms, left = NOW, limits.messages
    for number in range(min(random.choice(phases), limits.phases)):
        entries = _entries(random, devices, is_first=number == 0)
        workload.profile_changes += len(entries) if number else 0
        said = sorted(_all_said(random, [*devices][: limits.devices], now_ms), key=lambda each: each.at)[:left]
        left -= len(said)
        last_at = _put_all(random, workload, said, devices, now_ms)
        additions = [
            (random.randint(now_ms, last_at), detector_id(model, name))
            for model in ADDED_TO
            if model in workload.watches
            for name in random.choices([*devices], k=random.randint(0, 8))
        ]
        break_ms = POISONED_BREAK_MS if POISON in devices else BREAK_MS
        phase = Phase(now_ms, last_at + STORM_GOES_ON_MS, last_at + break_ms, tuple(entries), tuple(additions))
        workload.phases.append(phase)
        now_ms = phase.ends_at
    return workload


def _looked_at(random: Random) -> tuple[Workload, tuple[int, ...]]:
    """The shards and the models of one, without devices yet, and how many phases it may have."""
    stream = Stream()
    is_roaming = random.random() < ROAMING
    cuts = sorted(random.randrange(1, HASHES) for _ in range(random.choice((1, 2) if is_roaming else (0, 1, 2))))
    for first, end in zip((0, *cuts), (*cuts, HASHES), strict=True):
        stream.open(first, end - 1, NOW)
    is_quiet = not is_roaming and random.random() < QUIET
    watches = dict(IN_ANY_ORDER) if is_roaming else _one(NOTING_SHOCKS) if is_quiet else _some(random, WATCHES)
    most_remembered = random.choice((1_000, 1_000, 4, 1))
    workload = Workload(stream, watches, most_remembered=most_remembered, is_roaming=is_roaming)
    return workload, (2, 3) if is_quiet else (1, 1, 1, 2, 2, 3)


def _one(watch: Watch) -> dict[str, Watch]:
    return {watch.name: watch}


def _some(random: Random, watches: Mapping[str, Watch]) -> dict[str, Watch]:
    """A few models at a time: more runs find more than longer ones."""
    return {name: watches[name] for name in sorted(random.sample(sorted(watches), random.randint(2, 4)))}


def _fleet(random: Random, *, with_gateway: float) -> dict[str, Entry]:
    """The registry's entries of everything that publishes, devices first."""
    devices: dict[str, Entry] = {}
    for number in range(random.randint(1, 3)):
        name = f"acme-fridge-{number:04d}"
        devices[name] = {"device_id": name, "fleet_id": FLEET, "application": "coldchain"}
        if random.random() < with_gateway:
            devices[name]["gateway"] = random.choice(GATEWAYS)
    if random.random() < 0.3:
        devices["acme-machine-7"] = {"device_id": "acme-machine-7", "fleet_id": FLEET, "application": "factory"}
    if random.random() < 0.05:
        devices[POISON] = {"device_id": POISON, "fleet_id": FLEET, "application": "coldchain"}
    return devices


def _entries(random: Random, devices: Mapping[str, Entry], *, is_first: bool) -> list[Entry]:
    """All at first; then those that somebody changes."""
    if is_first:
        gateways: list[Entry] = [
            {"device_id": each, "fleet_id": FLEET, "application": "coldchain"} for each in GATEWAYS
        ]
        return [*(dict(each) for each in devices.values()), *gateways]
    changed = [each for name, each in devices.items() if name != POISON and random.random() < 0.6]
    for entry in changed:
        _change(random, entry)
    return [dict(each) for each in changed]


def _change(random: Random, entry: Entry) -> None:
    match random.choice(("profile", "profile", "watched", "gateway")):
        case "profile" if entry["application"] == "coldchain":
            entry["profile_changes"] = random.choice(PROFILES)
        case "watched":
            entry["watched"] = entry.get("watched") is False
        case _:
            entry["gateway"] = random.choice((None, *GATEWAYS))


def _all_said(random: Random, devices: list[str], now_ms: int) -> Iterator[_Said]:
    for device in devices:
        if device == POISON:
            yield from _readings(random, device, now_ms, random.randint(1, 2))
        elif random.random() < 0.9:
            yield from _readings(random, device, now_ms, random.randint(3, 16))


def _readings(random: Random, device: str, now_ms: int, count: int) -> Iterator[_Said]:
    """A course in stretches of a few readings. What is taken while the link is down comes all at once behind it."""
    at, every = now_ms + random.randint(0, 60_000), random.choice((10_000, 30_000, 60_000, 100_000))
    make = factory if "machine" in device else coldchain
    made = 0
    while made < count:
        values, is_offline = _stretch(random, device), random.random() < 0.15
        length = random.randint(1, 6)
        taken = [at + every * n + random.randint(0, 3_000) for n in range(length)]
        for n, when in enumerate(taken):
            made += 1
            content = make(
                device_id=device, timestamp=when + random.choice((0, 0, 0, 20_000, -40_000)), seq=made, **values
            )
            said = _Said(taken[-1] + n if is_offline else when, device, {"fleet_id": FLEET, **content})
            yield said
            if random.random() < 0.05:
                yield _Said(said.at + random.choice((0, 5_000)), device, said.content)
        at = taken[-1] + (random.choice((200_000, 320_000, 900_000)) if random.random() < 0.25 else every)


def _stretch(random: Random, device: str) -> dict[str, Any]:
    if "machine" in device:
        return {"value": random.choice((50.0, 50.0, 500.0))}
    usual = {"temp_c": 4.0, "shock_g": 0.0, "battery_pct": 80.0}
    return usual | random.choice(
        (
            {},
            {},
            {"temp_c": 9.5},
            {"temp_c": 9.5},
            {"temp_c": -3.0},
            {"shock_g": 9.0},
            {"battery_pct": 5.0},
            {"probe": "LOST"},
            {"temp_c": 9.5, "battery_pct": 5.0},
        )
    )


def _put_all(
    random: Random, workload: Workload, said: list[_Said], devices: Mapping[str, Entry], begins_at: int
) -> int:
    """When the last record arrives. A message takes up to a second to its place, and none overtakes another."""
    arrived_at = begins_at
    reshards = sorted(random.choices(range(len(said) + 1), k=random.choice((0, 0, 1, 2))))
    for place, each in enumerate(said):
        arrived_at = max(arrived_at, each.at + random.randint(0, 900))
        while reshards and reshards[0] <= place:
            reshards.pop(0)
            arrived_at += 1
            _reshard(random, workload, arrived_at)
        thing = _publisher(random, devices[each.device], is_roaming=workload.is_roaming)
        application = str(devices[each.device]["application"])
        envelope = envelope_of(each.content, thing=thing, application=application, received_at=each.at)
        workload.stream.put(thing, msgspec.json.encode(envelope), arrived_at)
    return arrived_at


def _publisher(random: Random, entry: Entry, *, is_roaming: bool) -> str:
    own = str(entry["device_id"])
    if entry["application"] == "factory":
        return own
    through = str(entry.get("gateway") or own)
    return random.choice((own, through)) if is_roaming else through


def _reshard(random: Random, workload: Workload, now_ms: int) -> None:
    stream = workload.stream
    workload.reshards += 1
    shards = stream.open_shards
    if len(shards) > 1 and random.random() < 0.5:
        place = random.randrange(len(shards) - 1)
        stream.merge(shards[place], shards[place + 1], now_ms)
        return
    shard = random.choice(shards)
    stream.split(shard, random.randint(shard.first_hash + 1, shard.last_hash), now_ms)
