"""Responders and excursions for tests: who is told, what they do, and what the operator sees of it."""

import io
import itertools
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from coldwatch_ops.main import main as coldwatch
from local.demo.responders import Page, read_messages, read_pages
from simulator.api import Fleet
from simulator.connection import Publication
from simulator.message import Kind
from tests.conftest import Cloud

numbers = itertools.count(1)

MINUTE_MS = 60_000
PATIENCE_S = 60
"""A page's first answer may take a cold start, on a machine that is busy with others."""

STATE = ("IncidentTableName", "LinkTableName", "ContactTableName", "StormTableName")
"""What an incident may change. Whoever presses is counted besides; who only looks changes nothing in either."""
STATE_AND_ATTEMPTS = (*STATE, "AttemptTableName")


@dataclass(frozen=True)
class Duty:
    """One fleet's responders. Its policy has the fleet's id, so tests do not meet each other's incidents."""

    cloud: Cloud
    fleet: str

    def run(self, *words: str) -> Any:
        """The operator's command against this cloud: its JSON."""
        options = ["--stack", self.cloud.stack_name, "--region", self.cloud.address["region"], "--json"]
        said = io.StringIO()
        with redirect_stdout(said):
            code = coldwatch([*options, "--endpoint-url", self.cloud.address["endpoint_url"], *words])
        assert code == 0, (words, said.getvalue())
        return json.loads(said.getvalue() or "null")

    def responder(self, name: str) -> str:
        """A contact of this fleet whose mail address is confirmed."""
        contact_id = f"{self.fleet}-{name}"
        self.run("contacts", "add", contact_id, "--name", name.title(), "--email", f"{contact_id}@example.com")
        token = self.cloud.wait_for("a mail that asks to confirm", lambda: self._token(f"{contact_id}@example.com"))
        self.run("contacts", "confirm", token)
        return contact_id

    def _token(self, address: str) -> str | None:
        for message in read_messages(self.inbox):
            if message["to"] == address and (found := re.search(r"Token=([A-Za-z0-9-]+)", message["text"])):
                return found[1]
        return None

    def policy(self, *tiers: tuple[str, int], resolve_within_s: int = 600, **plan: Any) -> None:
        """Tiers of (contact, seconds to acknowledge), for every severity."""
        whole = {
            "tiers": [{"contacts": [contact], "acknowledge_within_s": seconds} for contact, seconds in tiers],
            "rounds": 1,
            "repeat_every_s": 3600,
            "resolve_within_s": resolve_within_s,
            "auto_resolve": "acknowledged",
        } | plan
        path = self.cloud.places.folder / f"policy-{self.fleet}-{next(numbers)}.json"
        path.write_text(json.dumps({"policy_id": self.fleet, "severities": {"critical": whole, "warning": whole}}))
        self.run("policy", "put", str(path))

    @property
    def inbox(self) -> Any:
        return self.cloud.places.folder / "inbox.jsonl"

    def pages(self, device: str | None = None) -> list[Page]:
        """What this fleet's responders were sent, oldest first."""
        mine = [page for page in read_pages(self.inbox) if page.contact_id.startswith(f"{self.fleet}-")]
        return [page for page in mine if device is None or device in page.text]

    def page(self, device: str, *, number: int = 1, within_s: float = 60) -> Page:
        """The nth page about a device."""
        return self.cloud.wait_for(
            f"page {number} about {device}",
            lambda: dict(enumerate(self.pages(device), start=1)).get(number),
            within_s=within_s,
        )

    def incidents(self, device: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("incidents", "list", "--status", "all", "--device", device)["incidents"]
        return found

    def incident(self, device: str, status: str, *, within_s: float = 60) -> dict[str, Any]:
        """The one incident of a device, once it has a status."""

        def look() -> dict[str, Any] | None:
            found = self.incidents(device)
            assert len(found) <= 1, found
            return found[0] if found and found[0]["status"] == status else None

        return self.cloud.wait_for(f"the incident of {device} is {status}", look, within_s=within_s)


@dataclass
class Readings:
    """Readings of one device, a minute apart by its own clock, the last of them now."""

    fleet: Fleet
    thing: str
    seq: int = 0
    at: int = 0

    def __post_init__(self) -> None:
        self.at = time.time_ns() // 1_000_000 - 30 * MINUTE_MS

    def publish(self, *temperatures: float) -> None:
        device = self.fleet.devices[self.thing]
        self.fleet.open([self.thing])
        for payload in self._payloads(temperatures):
            device.connection.publish(Publication(device.topic, payload, Kind.LIVE))
        device.connection.drain()

    def _payloads(self, temperatures: tuple[float, ...]) -> Iterator[bytes]:
        for temperature in temperatures:
            self.seq += 1
            self.at += MINUTE_MS
            body = {"device_id": self.thing, "timestamp": self.at, "seq": self.seq, "temp_c": temperature}
            yield json.dumps(body | {"humidity_pct": 40.0, "shock_g": 0.0, "battery_pct": 90.0}).encode()


HOT = (12.0,) * 7
"""Six minutes above 8 °C, one reading a minute: longer than the default profile's five."""
COOL = (4.0,) * 7


def fetch(link: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of an answer, a refusal's too."""
    assert link.startswith("http://localhost:")
    request = urllib.request.Request(link, data, {name.replace("_", "-"): value for name, value in headers.items()})
    request.method = method
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def post(address: str, fields: dict[str, str], **headers: str) -> tuple[int, str]:
    """A form, as a browser sends it from the page's own site."""
    origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(address))
    usual = {"Origin": origin, "Content_Type": "application/x-www-form-urlencoded", "Sec_Fetch_Site": "same-origin"}
    return fetch(address, "POST", urllib.parse.urlencode(fields).encode(), **(usual | headers))


def everything(cloud: Cloud, *tables: str) -> list[dict[str, Any]]:
    """Every item of some tables, in a fixed order."""
    found: list[dict[str, Any]] = []
    for table in tables:
        pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.output(table))
        found += sorted((item for page in pages for item in page["Items"]), key=_written)
    return found


def _written(item: dict[str, Any]) -> str:
    return json.dumps(item, sort_keys=True, default=str)


def all_but_others(cloud: Cloud, thing: str, *tables: str) -> list[dict[str, Any]]:
    """Every item but those of other devices' incidents, which go on meanwhile: other tests' devices fall silent."""
    items = everything(cloud, *tables)
    mine = {item["incident_id"]["S"] for item in items if item.get("device_id", {}).get("S") == thing}
    links = {item["link_hash"]["S"] for item in items if "link_hash" in item and _incident_of(item) in mine}
    return [item for item in items if _may_be_of(item, thing, mine, links)]


def _incident_of(item: dict[str, Any]) -> str | None:
    found: str | None = item.get("incident_id", {}).get("S")
    return found


def _may_be_of(item: dict[str, Any], thing: str, mine: set[str], links: set[str]) -> bool:
    """Whether an item may be of this device's incidents. What is counted over all incidents, of messages that were
    sent, is not: a message for one of these has a page and a link besides.
    """
    match item:
        case {"incident_id": {"S": str(incident_id)}}:
            return incident_id in mine or thing in incident_id
        case {"stands_for": {"S": str(link)}}:
            return link in links
        case {"link_hash": {"S": str(counted)}}:
            return not counted.startswith("pace#")
        case {"subject": {"S": str(subject)}, "part": {"S": str(part)}} if subject != "maintenance":
            return any(incident_id in part for incident_id in mine)
    return True


def at_rest(cloud: Cloud, thing: str, *tables: str) -> list[dict[str, Any]]:
    """Likewise, once its workflow has done what was going on: two looks a second apart show the same."""
    looks: list[list[dict[str, Any]]] = []

    def is_still() -> list[dict[str, Any]] | None:
        looks.append(all_but_others(cloud, thing, *tables))
        time.sleep(1)
        return looks[-1] if len(looks) > 1 and looks[-1] == looks[-2] else None

    return cloud.wait_for("the tables are at rest", is_still)
