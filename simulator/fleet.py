"""Many devices in one process: provision them, run a scenario, replay a recording, publish a burst, answer commands.

Half of the devices publish by Basic Ingest, the other half to their topic.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Self

from simulator import burst, claim, recording, timeline
from simulator.answering import Act
from simulator.claim import Claim
from simulator.connection import IN_FLIGHT, Connection, Publication
from simulator.endpoint import Endpoint, tls_context
from simulator.errors import FleetError
from simulator.identity import Identity, StateFolder
from simulator.listening import Listener, OnAct
from simulator.message import Announcement, Kind, LinkChange, Message, Transmission
from simulator.network import Network
from simulator.recording import Recording
from simulator.scenario import How, Scenario
from simulator.summary import Summary, Tally


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to tell the person who watches. `at_s` is device time since the run began."""

    at_s: float
    text: str
    things: tuple[str, ...]


type OnHappening = Callable[[Happening], None]
type OnProgress = Callable[[int], None]
"""Told now and then how many messages have been acknowledged."""


@dataclass(frozen=True, slots=True)
class FleetDevice:
    identity: Identity
    connection: Connection
    topic: str


class Fleet:
    def __init__(
        self,
        endpoint: Endpoint,
        identities: Sequence[Identity],
        *,
        network: Network | None = None,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        if not identities:
            raise FleetError(
                "No devices were provisioned at this broker: claim some, or name the folder that holds their keys."
            )
        self.endpoint = endpoint
        self.network = network or Network()
        self._tally = Tally()
        self._listeners: dict[str, Listener] = {}
        self._latest: dict[str, Publication] = {}
        self.devices = {
            identity.thing: self._make_device(identity, number, in_flight) for number, identity in enumerate(identities)
        }

    @classmethod
    def provision(
        cls,
        *,
        endpoint: str,
        ca: Path | str,
        claims: Sequence[Claim],
        state_dir: Path | str,
        in_flight: int = IN_FLIGHT,
        on_provisioned: Callable[[Identity], None] = lambda _identity: None,
    ) -> Self:
        """A fleet of the serials of all claims. Those whose keys are in `state_dir` are not claimed again.

        Raises `FleetError` naming every serial that was not granted.
        """
        place = Endpoint.parse(endpoint, ca)
        network = Network()
        try:
            state = StateFolder(Path(state_dir), place)
            identities = claim.provision(network, place, claims, state, on_provisioned=on_provisioned)
            return cls(place, identities, network=network, in_flight=in_flight)
        except BaseException:
            network.close()
            raise

    @classmethod
    def load(cls, *, endpoint: str, ca: Path | str, state_dir: Path | str, in_flight: int = IN_FLIGHT) -> Self:
        """A fleet of all that were provisioned before into `state_dir`."""
        place = Endpoint.parse(endpoint, ca)
        return cls(place, StateFolder(Path(state_dir), place).identities(), in_flight=in_flight)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye for every device."""
        for device in self.devices.values():
            device.connection.begin_close()
        for device in self.devices.values():
            device.connection.close()
        self.network.close()

    def open(self, things: Iterable[str] | None = None) -> None:
        """Connect the named things, or all, and wait until the broker has accepted each."""
        chosen = [self.devices[thing] for thing in (self.devices if things is None else things)]
        for device in chosen:
            device.connection.open()
        for device in chosen:
            device.connection.wait_open()

    def listen(
        self,
        things: Iterable[str] | None = None,
        *,
        how: Callable[[str], How] = lambda _thing: How.NORMAL,
        on_act: OnAct = lambda _thing, _act: None,
    ) -> None:
        """Connect the named things, or all, and have them answer commands until the fleet is closed.

        `how` is asked at each request of a thing. Listening again changes how, and who is told; what a device has
        answered it remembers.
        """
        chosen = list(self.devices if things is None else things)
        self.open(chosen)
        granted = [self._listener(thing, partial(how, thing), on_act).subscribe() for thing in chosen]
        for each in granted:
            each.result(timeout=_GRANTED_S)

    def acts(self, thing: str) -> tuple[Act, ...]:
        """What a thing has done because commands told it to, in order."""
        listener = self._listeners.get(thing)
        return listener.memory.acts if listener else ()

    def run(
        self,
        scenario: Scenario,
        *,
        listens: bool = False,
        on_event: OnHappening = lambda _happening: None,
        on_progress: OnProgress = lambda _published: None,
        on_act: OnAct = lambda _thing, _act: None,
    ) -> Summary:
        """Play a scenario to its end, or until interrupted, and wait until all is acknowledged.

        Device time ends at the present, so accelerated timestamps lie in the past and never ahead of the clock. With
        `listens`, its devices answer commands, as the scenario says, and go on doing so afterwards.
        """
        cast = self.cast(scenario)
        self.open(cast.values())
        if listens:
            self._listen(scenario, cast, on_act)
        start_ms = round((time.time() + scenario.wall_s - scenario.duration_s) * 1000)
        steps = timeline.steps(scenario, cast, start_ms)
        with _Run(self, cast.values()) as run:
            for step in _in_time(steps, scenario.acceleration, lambda: on_progress(self._tally.published)):
                match step:
                    case Transmission():
                        self._publish(cast[step.label], step)
                    case LinkChange():
                        self._change_link(cast[step.label], is_up=step.is_up)
                    case Announcement():
                        on_event(Happening(step.at_s, step.text, tuple(cast[label] for label in step.labels)))
        return run.summary

    def replay(
        self,
        recorded: Recording,
        *,
        thing: str | None = None,
        unit: str = "degF",
        speed: float = 0,
        on_progress: OnProgress = lambda _published: None,
    ) -> Summary:
        """Publish a recording through `thing`, else the first machine.

        `speed` is recorded seconds in one second; 0 is as fast as the broker takes it.
        """
        player = thing or self.first("machine")
        self.open([player])
        told = recording.messages(recorded, player, unit=unit)
        with _Run(self, [player]) as run:
            for message in _in_time(told, speed, lambda: on_progress(self._tally.published)):
                self._publish(player, message)
        return run.summary

    def burst(
        self, messages: int, *, devices: int | None = None, on_progress: OnProgress = lambda _published: None
    ) -> Summary:
        """Publish `messages` small valid messages from so many devices (else all), as fast as the broker takes them."""
        things = list(islice(self.devices, devices))
        identities = [self.devices[thing].identity for thing in things]
        self.open(things)
        start_ms = time.time_ns() // 1_000_000
        with _Run(self, things) as run:
            for number, (thing, message) in enumerate(burst.messages(identities, messages, start_ms)):
                self._publish(thing, message)
                if number % 500 == 0:
                    on_progress(self._tally.published)
        return run.summary

    def cast(self, scenario: Scenario) -> dict[str, str]:
        """Which thing plays which label. Raises `FleetError` when there are not enough of a fleet and type."""
        free: dict[tuple[str, str], list[str]] = {}
        for thing, device in self.devices.items():
            free.setdefault((device.identity.fleet_id, device.identity.device_type), []).append(thing)
        cast: dict[str, str] = {}
        for planned in scenario.devices:
            things = free.get((planned.fleet, planned.type), [])
            if not things:
                raise FleetError(
                    f"The scenario {scenario.name} needs {planned.number} or more devices of type {planned.type} in "
                    f"fleet {planned.fleet}; {planned.number - 1} are provisioned."
                )
            cast[planned.label] = things.pop(0)
        return cast

    def first(self, device_type: str) -> str:
        for thing, device in self.devices.items():
            if device.identity.device_type == device_type:
                return thing
        raise FleetError(f"No device of this fleet is a {device_type}.")

    def _listen(self, scenario: Scenario, cast: dict[str, str], on_act: OnAct) -> None:
        began, labels = time.monotonic(), {thing: label for label, thing in cast.items()}

        def how(thing: str) -> How:
            at_s = min((time.monotonic() - began) * scenario.acceleration, scenario.duration_s)
            return scenario.how_answers(labels[thing], at_s)

        self.listen(cast.values(), how=how, on_act=on_act)

    def _listener(self, thing: str, how: Callable[[], How], on_act: OnAct) -> Listener:
        device = self.devices[thing]
        listener = self._listeners.get(thing)
        if listener is None:
            listener = Listener(self.network, device.connection, device.identity, how=how, on_act=on_act)
            self._listeners[thing] = listener
        listener.how = how
        listener.on_act = partial(self._act, on_act)
        return listener

    def _act(self, on_act: OnAct, thing: str, act: Act) -> None:
        """On the network's thread. A report that is asked for is the latest one, said again."""
        latest = self._latest.get(thing)
        if act.command == "report_now" and latest is not None:
            self.devices[thing].connection.publish(latest, waits=False)
        on_act(thing, act)

    def _make_device(self, identity: Identity, number: int, in_flight: int) -> FleetDevice:
        connection = Connection(
            self.network,
            self.endpoint,
            client_id=identity.thing,
            tls=tls_context(self.endpoint, identity.certificate, identity.key),
            settled=partial(self._settle, identity.thing),
            in_flight=in_flight,
        )
        topic = identity.basic_ingest_topic if number % 2 else identity.telemetry_topic
        return FleetDevice(identity, connection, topic)

    def _settle(self, thing: str, publication: Publication, why: str | None) -> None:
        if publication.kind is not Kind.RESPONSE:
            self._tally.count(thing, publication.kind, why)

    def _publish(self, thing: str, what: Message | Transmission) -> None:
        device = self.devices[thing]
        if thing in self._listeners:
            self._latest[thing] = Publication(device.topic, what.payload, Kind.DUPLICATE)
        device.connection.publish(Publication(device.topic, what.payload, what.kind))

    def _change_link(self, thing: str, *, is_up: bool) -> None:
        connection = self.devices[thing].connection
        if is_up:
            connection.open()
        else:
            connection.drop()


class _Run:
    """Counts from here on; at the end waits until all is settled. Ctrl-C ends the run, not the accounts."""

    summary: Summary

    def __init__(self, fleet: Fleet, things: Iterable[str]) -> None:
        self._fleet, self._things = fleet, list(things)
        self._began = 0.0

    def __enter__(self) -> Self:
        self._fleet._tally = Tally()  # noqa: SLF001 - a part of the fleet, in a class of its own for `with`
        self._began = time.monotonic()
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_error: object) -> bool:
        if error_type is not None and not issubclass(error_type, KeyboardInterrupt):
            return False
        for thing in self._things:
            self._fleet.devices[thing].connection.drain()
        self.summary = self._fleet._tally.summarize(time.monotonic() - self._began)  # noqa: SLF001 - likewise
        return error_type is not None


def _in_time[T: (Message, Transmission | LinkChange | Announcement)](
    steps: Iterable[T], speed: float, meanwhile: Callable[[], None]
) -> Iterator[T]:
    """The steps, each when it is due; `speed` is device seconds in one second, 0 without waiting."""
    began, told = time.monotonic(), 0.0
    for step in steps:
        due = began + (step.at_s / speed if speed else 0)
        while True:
            now = time.monotonic()
            if now - told > _MEANWHILE_S:
                meanwhile()
                told = now
            if now >= due:
                break
            time.sleep(min(due - now, _MEANWHILE_S))
        yield step


_MEANWHILE_S = 0.25
_GRANTED_S = 30.0
