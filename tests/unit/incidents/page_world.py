"""The incident page with everything behind it as fakes: requests go in, pages come out; what is kept can be compared.

Two fridges are too warm. Of the first, ana was told in round 1 and ben and cem in round 2; of the second, ana alone.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from coldwatch.incidents.contacts import Address, ChannelKind
from coldwatch.incidents.contacts import Contact as ContactEntry
from coldwatch.incidents.identity import link_hash
from coldwatch.incidents.incident import Incident
from incident_page.by_code import ByCode
from incident_page.handler import response
from incident_page.requests import Request, read
from incident_page.routes import route
from incident_page.tools import Person, Tools
from tests.unit.incidents.builders import MINUTE, NOW, effect, opened, secret_of, told, world
from tests.unit.incidents.fakes import World

HOST = "page.example"
FORM = "application/x-www-form-urlencoded"
OWN = {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin", "content-type": FORM}
REPORT = b"%PDF-1.7 report"
KEPT = ("incidents", "links", "executions", "commands", "objects")


@dataclass
class FakeAttempts:
    tried: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, subject: str, *, window_s: int, now_ms: int) -> int:
        place = subject, now_ms // 1000 // window_s
        self.tried[place] = self.tried.get(place, 0) + 1
        return self.tried[place]


@dataclass
class FakeReports:
    written: dict[str, bytes] = field(default_factory=dict)

    def find(self, incident_id: str) -> bytes | None:
        return self.written.get(incident_id)


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class FakeContacts:
    names: dict[str, str]
    time_zones: dict[str, str]

    def find(self, contact_id: str) -> Person | None:
        if contact_id not in self.names:
            return None
        return Contact(self.names[contact_id], self.time_zones.get(contact_id, ""))

    def knows(self, contact_id: str) -> bool:
        return contact_id in self.names


@dataclass
class PageWorld:
    """`own` are the secrets of the first incident's links by contact; `other` is that of the second's."""

    here: World
    use: Tools
    first: Incident
    second: Incident
    own: dict[str, str]
    other: str
    now_ms: int = NOW + 3 * MINUTE

    def ask(self, request: Request) -> dict[str, Any]:
        page, more = route(request, self.use, now_ms=self.now_ms)
        return response(page, is_head=request.method == "HEAD", more=more)

    def get(self, path: str, **changes: Any) -> dict[str, Any]:
        return self.ask(request("GET", path, **changes))

    def press(self, secret: str, action: str = "acknowledge", **fields: str) -> dict[str, Any]:
        return self.ask(request("POST", "/act", urlencode({"link": secret, "action": action} | fields), headers=OWN))

    def kept(self) -> str:
        """All that the page could change, but for how often was tried."""
        heard = self.here.waiting.heard, self.here.waiting.open_tokens, self.here.channel.sent
        return repr([getattr(self.here, name) for name in KEPT]) + repr(heard)

    @property
    def code(self) -> str:
        """The one that ben was sent."""
        told = [each.text for each in self.here.channel.sent if each.contact_id == "ben"]
        found: list[str] = re.findall(r"the code ([0-9]{6}) at", told[-1])
        return found[0]

    def of_first(self) -> Incident:
        return self.here.incidents.incidents[self.first.incident_id]

    def change_link(self, contact: str, **changes: Any) -> None:
        hashed = link_hash(self.own[contact]) or ""
        self.here.links.links[hashed] = replace(self.here.links.links[hashed], **changes)


def page_world(time_zones: dict[str, str] | None = None, **plan: Any) -> PageWorld:
    here = world(**{"snooze_max_s": 14_400, "commands": ("defrost_off",)} | plan)
    here.directory.names |= {"ana": "Ana Silva", "ben": "Ben Okafor", "cem": "Cem Yilmaz"}
    here.code_key = b"a key that the table does not hold"
    address = Address(ChannelKind.SMS, "+4915112345678", 1)
    here.directory.contacts["ben"] = ContactEntry("ben", "Ben Okafor", (address,))
    first = opened(here)
    told(here, first, 1)
    told(here, first, 2, now_ms=NOW + MINUTE)
    second = opened(here, effect("e2", key="acme-fridge-0002", device_id="acme-fridge-0002"))
    own = {contact: secret_of(here, contact) for contact in ("ana", "ben", "cem")}
    told(here, second, 1)
    use = Tools(
        incidents=here.incidents,
        links=here.links,
        contacts=FakeContacts(here.directory.names, time_zones or {}),
        readings=here.readings,
        waiting=here.waiting,
        commands=here.commands,
        codes=ByCode(here.codes, here.links, lambda: here.code_key),
        attempts=FakeAttempts(),
        reports=FakeReports(),
        page_base_url="",
    )
    return PageWorld(here, use, first, second, own, secret_of(here, "ana"))


def request(method: str, path: str, body: str = "", *, headers: dict[str, str] | None = None, **event: Any) -> Request:
    """As Lambda hands it to the function; `event` replaces what it has."""
    path, _, query = path.partition("?")
    made = {
        "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.7"}},
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": HOST} | (headers or {}),
        "body": body,
    }
    return read(made | event)
