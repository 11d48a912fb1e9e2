"""Provisioning by claim: a shared claim certificate is exchanged for a device's own.

https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html (the MQTT API, JSON payloads). Replies
carry nothing that names their request, so a connection asks one thing at a time.
"""

import json
import queue
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from simulator.connection import Connection, Publication
from simulator.endpoint import Endpoint, tls_context
from simulator.errors import BrokerError, FleetError, ProvisioningError
from simulator.identity import Grant, Identity, StateFolder
from simulator.message import Kind
from simulator.network import Network

CREATE = "$aws/certificates/create/json"
_REPLY_S = 30.0
_PASSING = {"InvocationError", "Throttled"}
"""Rejections that say nothing against the device: the hook was slow to start, or the service was busy."""
_HINTS = {"AccessDenied": " Is the serial on the allow-list, and not claimed already?"}
_PATIENCE_S = (1.0, 2.0, 4.0)
_CLAIMANTS = 4


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim certificate, the provisioning template it is for, and the serials to claim with it."""

    template: str
    certificate: Path
    key: Path
    serials: tuple[str, ...] = ()


def provision_topic(template: str) -> str:
    return f"$aws/provisioning-templates/{template}/provision/json"


class Claimant:
    """A connection with a claim certificate. Use it as a context manager."""

    def __init__(self, network: Network, endpoint: Endpoint, claim: Claim, *, client_id: str) -> None:
        self._template = claim.template
        self._replies: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._connection = Connection(
            network,
            endpoint,
            client_id=client_id,
            tls=tls_context(endpoint, claim.certificate, claim.key),
            comes_back=False,
        )

    def __enter__(self) -> Self:
        self._connection.open()
        self._connection.wait_open()
        for topic in (CREATE, provision_topic(self._template)):
            for answer in ("accepted", "rejected"):
                self._connection.subscribe(f"{topic}/{answer}", self._hear).result(_REPLY_S)
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def claim(self, serial: str, state: StateFolder) -> Identity:
        """The device's identity, kept in `state`. Raises `ProvisioningError` when the claim is not granted.

        A certificate left over from a run that broke off is registered first: it may have been registered already.
        """
        grant = state.grant(serial)
        if grant is not None:
            try:
                return self._register(serial, grant, state)
            except ProvisioningError as error:
                if error.code != "InvalidCertificateOwnershipToken":
                    raise
                state.forget_grant(serial)
        grant = self.create(serial)
        state.keep_grant(serial, grant)
        return self._register(serial, grant, state)

    def create(self, serial: str) -> Grant:
        reply = self._ask(serial, CREATE, {})
        return Grant(reply["certificatePem"], reply["privateKey"], reply["certificateOwnershipToken"])

    def register(self, serial: str, grant: Grant) -> dict[str, Any]:
        """The service's answer: `thingName` and `deviceConfiguration`."""
        body = {"certificateOwnershipToken": grant.ownership_token, "parameters": {"SerialNumber": serial}}
        for pause_s in _PATIENCE_S:
            try:
                return self._ask(serial, provision_topic(self._template), body)
            except ProvisioningError as error:
                if error.code not in _PASSING:
                    raise
                time.sleep(pause_s * random.uniform(0.5, 1))
        return self._ask(serial, provision_topic(self._template), body)

    def _register(self, serial: str, grant: Grant, state: StateFolder) -> Identity:
        reply = self.register(serial, grant)
        told = reply.get("deviceConfiguration", {})
        missing = [name for name in ("application", "topic_prefix", "basic_ingest_rule") if name not in told]
        if missing:
            sentence = f"The template {self._template} does not tell devices their {', '.join(missing)}."
            raise ProvisioningError(serial, "IncompleteConfiguration", sentence)
        document = {"serial": serial, "thing": reply["thingName"], "template": self._template}
        document |= {name: told[name] for name in ("application", "topic_prefix", "basic_ingest_rule")}
        return state.keep_identity(serial, document)

    def _hear(self, topic: str, payload: bytes) -> None:
        self._replies.put((topic, payload))

    def _ask(self, serial: str, topic: str, body: dict[str, Any]) -> dict[str, Any]:
        self._connection.publish(Publication(topic, json.dumps(body).encode(), Kind.LIVE))
        answer, document = self._await_reply(serial, topic)
        if answer == "rejected":
            code = str(document.get("errorCode", "Rejected"))
            reason = str(document.get("errorMessage", "no reason was given")).rstrip(".")
            told = f"The claim for serial {serial} was rejected: {reason} ({code})."
            raise ProvisioningError(serial, code, f"{told}{_HINTS.get(code, '')}")
        return document

    def _await_reply(self, serial: str, topic: str) -> tuple[str, dict[str, Any]]:
        deadline = time.monotonic() + _REPLY_S
        while time.monotonic() < deadline:
            try:
                heard, payload = self._replies.get(timeout=0.1)
            except queue.Empty:
                if self._connection.wait_ended(0):
                    break
                continue
            if heard.startswith(topic):
                return heard.rpartition("/")[2], json.loads(payload)
        sentence = f"The claim for serial {serial} got no answer on {topic}: {self._connection.problem}."
        raise ProvisioningError(serial, "NoAnswer", sentence)


def provision(
    network: Network,
    endpoint: Endpoint,
    claims: Sequence[Claim],
    state: StateFolder,
    *,
    on_provisioned: Callable[[Identity], None] = lambda _identity: None,
) -> list[Identity]:
    """The identities of all serials, in their order; those already in `state` are not claimed again.

    Raises `FleetError` naming every serial that was not granted, after all have been tried.
    """

    def claim_share(claim: Claim, serials: Sequence[str]) -> list[str]:
        unknown = [serial for serial in serials if state.identity(serial) is None]
        if not unknown:
            return []
        claimant = Claimant(network, endpoint, claim, client_id=f"claim-{unknown[0]}")
        return _claim_all(claimant, unknown, state, on_provisioned)

    with ThreadPoolExecutor(_CLAIMANTS, thread_name_prefix="simulator-claim") as pool:
        work = [
            pool.submit(claim_share, claim, claim.serials[at::_CLAIMANTS])
            for claim in claims
            for at in range(_CLAIMANTS)
        ]
        faults = [fault for each in work for fault in each.result()]
    if faults:
        total = sum(len(claim.serials) for claim in claims)
        raise FleetError("\n  ".join((f"{len(faults)} of {total} devices were not provisioned:", *faults)))
    found = (state.identity(serial) for claim in claims for serial in claim.serials)
    return [identity for identity in found if identity is not None]


def _claim_all(
    claimant: Claimant, serials: Sequence[str], state: StateFolder, on_provisioned: Callable[[Identity], None]
) -> list[str]:
    """A sentence for each serial that was not granted."""
    faults: list[str] = []
    try:
        with claimant:
            for serial in serials:
                try:
                    on_provisioned(claimant.claim(serial, state))
                except ProvisioningError as error:
                    faults.append(str(error))
    except (BrokerError, TimeoutError) as error:
        faults.append(f"{', '.join(serials)}: {error}")
    return faults
