"""Names and topics: who a thing is and where it speaks."""

import re
from dataclasses import dataclass
from enum import StrEnum

THING_NAME_LIMIT = 128
"""Longest thing name and longest MQTT client id (AWS IoT Core endpoints and quotas)."""

CLAIM = "claim"
"""No fleet has this name: a claim certificate may connect as `claim-...`, and must never be able to as a device."""

_WORD = re.compile(r"[a-zA-Z0-9_]+")
_SERIAL = re.compile(r"[a-zA-Z0-9:_-]+")
_BASIC_INGEST = "$aws/rules/"


class Application(StrEnum):
    """What the telemetry of a thing is about; the second level of its topic."""

    COLDCHAIN = "coldchain"
    FACTORY = "factory"


DEVICE_TYPES: dict[Application, frozenset[str]] = {
    Application.COLDCHAIN: frozenset({"coldroom", "reefer", "fridge", "gateway"}),
    Application.FACTORY: frozenset({"machine", "gateway"}),
}


@dataclass(frozen=True, slots=True)
class TelemetryTopic:
    """What a telemetry topic says about its publisher."""

    application: str
    thing: str


def thing_name(fleet_id: str, device_type: str, serial: str) -> str:
    """`{fleet_id}-{device_type}-{serial}`; raises `ValueError` where the parts make no thing name.

    Fleet and type carry no `-`, so that the name can be taken apart again; the serial may.

    >>> thing_name("acme", "fridge", "0042")
    'acme-fridge-0042'
    """
    if not (_WORD.fullmatch(fleet_id) and _WORD.fullmatch(device_type) and _SERIAL.fullmatch(serial)):
        raise ValueError(
            "a thing name has a fleet and a type of letters, digits and `_`; only its serial may also have `:` and `-`"
        )
    if fleet_id == CLAIM:
        raise ValueError(f"no fleet may be called {CLAIM!r}: claim certificates connect under that name")
    name = f"{fleet_id}-{device_type}-{serial}"
    if len(name) > THING_NAME_LIMIT:
        raise ValueError(f"a thing name has at most {THING_NAME_LIMIT} characters, not {len(name)}")
    return name


def telemetry_topic(application: str, thing: str, *, prefix: str = "") -> str:
    """Where `thing` publishes; `prefix` is the stage's topic prefix with its slash, or empty.

    >>> telemetry_topic("coldchain", "acme-fridge-0042", prefix="staging/")
    'staging/dt/coldchain/acme-fridge-0042/telemetry'
    """
    return f"{prefix}dt/{application}/{thing}/telemetry"


def basic_ingest_topic(rule: str, topic: str) -> str:
    """The form that skips the broker's message charge: straight to the rule (Basic Ingest).

    >>> basic_ingest_topic("coldwatch_factory_telemetry", "dt/factory/acme-machine-7/telemetry")
    '$aws/rules/coldwatch_factory_telemetry/dt/factory/acme-machine-7/telemetry'
    """
    return f"{_BASIC_INGEST}{rule}/{topic}"


def parse_telemetry_topic(topic: str, *, prefix: str = "") -> TelemetryTopic | None:
    """Application and thing of a telemetry topic, direct or Basic Ingest; None for any other topic.

    >>> parse_telemetry_topic("dt/coldchain/acme-fridge-0042/telemetry")
    TelemetryTopic(application='coldchain', thing='acme-fridge-0042')
    """
    if topic.startswith(_BASIC_INGEST):
        topic = topic.removeprefix(_BASIC_INGEST).partition("/")[2]
    if not topic.startswith(prefix):
        return None
    match topic.removeprefix(prefix).split("/"):
        case ["dt", application, thing, "telemetry"] if application and thing:
            return TelemetryTopic(application, thing)
    return None
