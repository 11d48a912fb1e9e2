"""The verdict on a message: a reading, or why not. Two steps, because the registry is asked in between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coldwatch.telemetry.envelope import Envelope
from coldwatch.telemetry.identity import Registry, find_application, identify
from coldwatch.telemetry.mapping import PayloadMapping, apply_mapping, find_mapping
from coldwatch.telemetry.payload import decode_payload
from coldwatch.telemetry.reading import Reading, make_reading
from coldwatch.telemetry.rejection import Rejection
from coldwatch.telemetry.shapes import Telemetry
from coldwatch.telemetry.topics import Application, telemetry_topic
from coldwatch.telemetry.validation import check_span, leftover, validate


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation may set."""

    mappings: Sequence[PayloadMapping]
    max_clock_lead_ms: int


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a message says, before anybody has asked whether its publisher may say it."""

    application: Application
    telemetry: Telemetry
    unknown: dict[str, Any]
    mapping: str | None


def interpret(envelope: Envelope, registry: Registry, rules: Rules) -> Interpretation | Rejection:
    """Read the payload: size, text, JSON, application, fields, time span, in this order.

    `registry` holds the publisher, if it is registered.
    """
    members = decode_payload(envelope.payload)
    if isinstance(members, Rejection):
        return members
    application = find_application(envelope.application, envelope.thing, registry)
    if isinstance(application, Rejection):
        return application
    topic = telemetry_topic(application, envelope.thing)
    mapping = find_mapping(rules.mappings, topic=topic, application=application, members=members)
    mapped = apply_mapping(mapping, members) if mapping else members
    if isinstance(mapped, Rejection):
        return mapped
    telemetry = validate(mapped, application)
    if isinstance(telemetry, Rejection):
        return telemetry
    return check_span(
        telemetry.timestamp, received_at=envelope.received_at, max_clock_lead_ms=rules.max_clock_lead_ms
    ) or Interpretation(application, telemetry, leftover(mapped, application), mapping.name if mapping else None)


def judge(envelope: Envelope, interpretation: Interpretation | Rejection, registry: Registry) -> Reading | Rejection:
    """Whether the publisher may say it. `registry` holds the publisher and the device spoken for, if known."""
    if isinstance(interpretation, Rejection):
        return interpretation
    telemetry = interpretation.telemetry
    device = identify(telemetry.device_id, envelope.thing, interpretation.application, registry)
    if isinstance(device, Rejection):
        return device
    return make_reading(envelope, device, telemetry, interpretation.unknown, interpretation.mapping)
