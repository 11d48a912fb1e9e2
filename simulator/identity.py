"""Who a device is: its name, its certificate, and what it was told when it was provisioned. Kept in a folder.

Keys are readable by their owner alone. What the broker has handed out is on disk before it is used, so that a run
that breaks off in the middle of a claim can finish it the next time.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator import topics
from simulator.endpoint import Endpoint
from simulator.errors import FleetError

_SERIAL = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Identity:
    serial: str
    thing: str
    template: str
    application: str
    topic_prefix: str
    basic_ingest_rule: str
    certificate: Path
    key: Path

    @property
    def fleet_id(self) -> str:
        return self.thing.split("-", 2)[0]

    @property
    def device_type(self) -> str:
        return self.thing.split("-", 2)[1]

    @property
    def telemetry_topic(self) -> str:
        return topics.telemetry(self.application, self.thing, prefix=self.topic_prefix)

    @property
    def basic_ingest_topic(self) -> str:
        return topics.basic_ingest(self.basic_ingest_rule, self.telemetry_topic)

    @property
    def request_topic(self) -> str:
        return topics.command_request(self.thing, prefix=self.topic_prefix)

    @property
    def response_topic(self) -> str:
        return topics.command_response(self.thing, prefix=self.topic_prefix)


@dataclass(frozen=True, slots=True)
class Grant:
    """A certificate that was issued to a claim and waits to be registered with its ownership token."""

    certificate_pem: str
    private_key: str
    ownership_token: str


class StateFolder:
    """The identities of a fleet, a folder for each serial. Those issued by another broker are not seen."""

    def __init__(self, path: Path, endpoint: Endpoint) -> None:
        self.path = path
        authority = f"{endpoint.host}:{endpoint.port}\n".encode() + endpoint.ca.read_bytes()
        self._broker = hashlib.sha256(authority).hexdigest()[:16]

    def identities(self) -> list[Identity]:
        """All of them, by serial."""
        folders = sorted(self.path.iterdir()) if self.path.is_dir() else []
        found = (self.identity(each.name) for each in folders if each.is_dir())
        return [identity for identity in found if identity is not None]

    def identity(self, serial: str) -> Identity | None:
        document = self._read(serial, "identity.json")
        if document is None:
            return None
        folder = self._folder(serial)
        return Identity(**document, certificate=folder / "certificate.pem", key=folder / "private.key")

    def grant(self, serial: str) -> Grant | None:
        """What an earlier run was given for this serial and did not get registered."""
        document = self._read(serial, "grant.json")
        return Grant(**document) if document else None

    def keep_grant(self, serial: str, grant: Grant) -> None:
        self._write(serial, "certificate.pem", grant.certificate_pem)
        self._write(serial, "private.key", grant.private_key)
        self._write_document(
            serial,
            "grant.json",
            {name: getattr(grant, name) for name in ("certificate_pem", "private_key", "ownership_token")},
        )

    def forget_grant(self, serial: str) -> None:
        (self._folder(serial) / "grant.json").unlink(missing_ok=True)

    def keep_identity(self, serial: str, document: dict[str, str]) -> Identity:
        """`document` holds the members of `Identity` but for the paths. The grant has served and goes."""
        self._write_document(serial, "identity.json", document)
        self.forget_grant(serial)
        identity = self.identity(serial)
        assert identity is not None
        return identity

    def _folder(self, serial: str) -> Path:
        if not _SERIAL.fullmatch(serial) or serial.startswith("."):
            raise FleetError(f"{serial!r} is not a serial: 1 to 100 letters, digits and _ . : - are.")
        return self.path / serial

    def _read(self, serial: str, name: str) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads((self._folder(serial) / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise FleetError(f"{self._folder(serial) / name} is damaged ({error}); remove the folder.") from error
        return document if document.pop("broker", None) == self._broker else None

    def _write_document(self, serial: str, name: str, document: dict[str, str]) -> None:
        self._write(serial, name, json.dumps({"broker": self._broker} | document, indent=2) + "\n")

    def _write(self, serial: str, name: str, text: str) -> None:
        folder = self._folder(serial)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f".{name}"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(folder / name)
