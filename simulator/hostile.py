"""What an attacker may try, each attempt on a connection of its own.

The attacker holds one device's certificate and a claim certificate: what a stolen device gives away. An attempt ends
published (acknowledged), refused (with how), or allowed: something other than a publish that should not have worked.
"""

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from paho.mqtt.enums import MQTTProtocolVersion

from simulator import malformed, topics
from simulator.claim import Claim, Claimant
from simulator.connection import Connection, Publication
from simulator.endpoint import Endpoint, tls_context
from simulator.errors import BrokerError, FleetError, ProvisioningError
from simulator.fleet import Fleet
from simulator.identity import Identity, StateFolder
from simulator.malformed import Sender
from simulator.message import Kind
from simulator.network import Network

_ANSWER_S = 10.0
_OVERSIZED_BYTES = 200 * 1024


class Result(StrEnum):
    PUBLISHED = "published"
    REFUSED = "refused"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; `how` says it in words."""

    attempt: str
    about: str
    result: Result
    how: str


@dataclass(frozen=True, slots=True)
class Attempt:
    name: str
    about: str
    make: Callable[[], tuple[Result, str]]


def attack(
    fleet: Fleet,
    *,
    claim: Claim | None = None,
    attacker: str | None = None,
    victim: str | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Outcome]:
    """Make every attempt in turn, as `attacker` against `victim`: two things of one application.

    The attacker's own connection is closed first, since a client id connects once; all others stay. Without a `claim`
    the take-over attempts that need its certificate are left out.
    """
    thief, owner = _choose(fleet, attacker, victim)
    fleet.devices[thief.thing].connection.close()
    outcomes: list[Outcome] = []
    with TemporaryDirectory(prefix="coldwatch-attacker-") as loot:
        raid = _Raid(fleet.network, fleet.endpoint, thief, owner, claim, Path(loot))
        for attempt in raid.attempts():
            outcomes.append(Outcome(attempt.name, attempt.about, *attempt.make()))
            on_outcome(outcomes[-1])
    return outcomes


def _choose(fleet: Fleet, attacker: str | None, victim: str | None) -> tuple[Identity, Identity]:
    identities = {thing: device.identity for thing, device in fleet.devices.items()}
    for thing in (attacker, victim):
        if thing is not None and thing not in identities:
            raise FleetError(f"{thing} is not a device of this fleet.")
    thief = identities[attacker or next(iter(identities))]
    others = [each for each in identities.values() if each.application == thief.application and each is not thief]
    if not others:
        raise FleetError("An attack needs two devices of the same application.")
    return thief, identities[victim] if victim else others[0]


@dataclass(frozen=True, slots=True)
class _Raid:
    network: Network
    endpoint: Endpoint
    thief: Identity
    owner: Identity
    claim: Claim | None
    loot: Path

    def attempts(self) -> Iterator[Attempt]:
        yield from self._malformed()
        yield from self._spoofed()
        yield from self._eavesdropping()
        if self.claim is not None:
            yield from self._take_over(self.claim)

    def _malformed(self) -> Iterator[Attempt]:
        for name, about in malformed.DETAILS.items():
            yield self._publishing(name, about, self.thief.telemetry_topic, malformed.payload(name, self._sender(0)))
        valid = self._valid(self.thief, 1)
        unknown = topics.telemetry("bakery", self.thief.thing, prefix=self.thief.topic_prefix)
        yield self._publishing("unknown_application", "an application that does not exist", unknown, valid)
        oversized = malformed.filled({"device_id": self.thief.thing}, _OVERSIZED_BYTES)
        yield self._publishing(
            "oversized_200_kb", "200 KiB, more than the broker takes", self.thief.telemetry_topic, oversized
        )

    def _spoofed(self) -> Iterator[Attempt]:
        payload = self._valid(self.owner, 2)
        direct, basic = self.owner.telemetry_topic, self.owner.basic_ingest_topic
        yield self._publishing("spoofed_topic", "another device's telemetry topic", direct, payload)
        yield self._publishing("spoofed_basic_ingest", "another device's topic by Basic Ingest", basic, payload)
        yield self._connecting(
            "connect_as_other",
            "another device's name with the attacker's certificate",
            self.thief.certificate,
            self.thief.key,
        )

    def _eavesdropping(self) -> Iterator[Attempt]:
        requests = topics.command_request(self.owner.thing, prefix=self.owner.topic_prefix)
        everyone = topics.command_request("+", prefix=self.owner.topic_prefix)
        yield self._listening("hear_other_commands", "another device's commands", requests)
        yield self._listening("hear_all_commands", "every device's commands", everyone)

    def _take_over(self, claim: Claim) -> Iterator[Attempt]:
        yield Attempt(
            "claim_again", "a serial that is already claimed, claimed once more", lambda: self._claim_again(claim)
        )
        yield self._connecting(
            "connect_with_claim", "another device's name with the claim certificate", claim.certificate, claim.key
        )
        yield self._publishing(
            "telemetry_with_claim",
            "telemetry with the claim certificate",
            self.owner.telemetry_topic,
            self._valid(self.owner, 3),
            claim=claim,
        )

    def _publishing(self, name: str, about: str, topic: str, payload: bytes, *, claim: Claim | None = None) -> Attempt:
        return Attempt(name, about, lambda: self._publish(topic, payload, claim))

    def _connecting(self, name: str, about: str, certificate: Path, key: Path) -> Attempt:
        return Attempt(name, about, lambda: self._connect_as_owner(certificate, key))

    def _listening(self, name: str, about: str, topic_filter: str) -> Attempt:
        return Attempt(name, about, lambda: self._listen(topic_filter))

    def _publish(self, topic: str, payload: bytes, claim: Claim | None) -> tuple[Result, str]:
        settled: queue.Queue[str | None] = queue.Queue()
        connection = self._thief_connection(claim, lambda _publication, why: settled.put(why))
        try:
            connection.open()
            connection.wait_open()
            connection.publish(Publication(topic, payload, Kind.HOSTILE))
            why = settled.get(timeout=_ANSWER_S)
        except BrokerError as error:
            return Result.REFUSED, str(error)
        except queue.Empty:
            return Result.REFUSED, f"the broker did not acknowledge it within {_ANSWER_S:g} s"
        finally:
            connection.close()
        return (Result.PUBLISHED, "the broker acknowledged it") if why is None else (Result.REFUSED, why)

    def _connect_as_owner(self, certificate: Path, key: Path) -> tuple[Result, str]:
        connection = self._connection(self.owner.thing, certificate, key)
        try:
            connection.open()
            connection.wait_open(timeout_s=_ANSWER_S)
        except BrokerError as error:
            return Result.REFUSED, str(error)
        finally:
            connection.close()
        return Result.ALLOWED, "the broker accepted the connection"

    def _listen(self, topic_filter: str) -> tuple[Result, str]:
        connection = self._thief_connection(None, lambda _publication, _why: None)
        try:
            connection.open()
            connection.wait_open()
            connection.subscribe(topic_filter, lambda _topic, _payload: None).result(_ANSWER_S)
        except (BrokerError, TimeoutError) as error:
            return Result.REFUSED, str(error) or "the broker did not grant it"
        finally:
            connection.close()
        return Result.ALLOWED, "the broker granted the subscription"

    def _claim_again(self, claim: Claim) -> tuple[Result, str]:
        state = StateFolder(self.loot, self.endpoint)
        try:
            with Claimant(self.network, self.endpoint, claim, client_id=self._claim_client_id) as claimant:
                stolen = claimant.claim(self.owner.serial, state)
        except (BrokerError, ProvisioningError, TimeoutError) as error:
            return Result.REFUSED, str(error)
        return Result.ALLOWED, f"a second certificate for {stolen.thing} was handed out"

    @property
    def _claim_client_id(self) -> str:
        return f"claim-{self.thief.serial}"

    def _thief_connection(self, claim: Claim | None, settled: Callable[[Publication, str | None], None]) -> Connection:
        if claim is not None:
            return self._connection(self._claim_client_id, claim.certificate, claim.key, settled)
        return self._connection(self.thief.thing, self.thief.certificate, self.thief.key, settled)

    def _connection(
        self,
        client_id: str,
        certificate: Path,
        key: Path,
        settled: Callable[[Publication, str | None], None] = lambda _publication, _why: None,
    ) -> Connection:
        """MQTT 5, in which a broker says why it refuses."""
        return Connection(
            self.network,
            self.endpoint,
            client_id=client_id,
            tls=tls_context(self.endpoint, certificate, key),
            settled=settled,
            comes_back=False,
            protocol=MQTTProtocolVersion.MQTTv5,
        )

    def _sender(self, apart_ms: int) -> Sender:
        return Sender(self.thief.thing, self.thief.application, self.owner.thing, _now_ms() + apart_ms)

    def _valid(self, identity: Identity, apart_ms: int) -> bytes:
        return malformed.valid(Sender(identity.thing, identity.application, "", _now_ms() + apart_ms))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
