"""From the messages of a request to those of each detector: decoded, joined with the profile, by key."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from coldwatch.detection.detector import Detector, Watch, new_detector
from coldwatch.detection.ports import Entry, Registry
from coldwatch.detection.step import Arrival
from coldwatch.engine.errors import KeyMissingError
from coldwatch.engine.evaluation import Message
from coldwatch.profiles.context import INPUTS, join
from coldwatch.telemetry.payload import MAX_PAYLOAD_BYTES
from data_plane.errors import ApiError, invalid, not_found
from data_plane.knowledge import Knowledge

_APPLICATION_OF: Final = {name: application for application, name in INPUTS.items()}


@dataclass(frozen=True, slots=True)
class Task:
    """What a detector is to have of a request; `blank` is the detector as it is before its first message."""

    watch: Watch
    blank: Detector
    arrivals: list[Arrival] = field(default_factory=list)


@dataclass(slots=True)
class Intake:
    """`tasks` by detector id; `failed` by message id."""

    tasks: dict[str, Task] = field(default_factory=dict)
    failed: dict[str, ApiError] = field(default_factory=dict)
    unwatched: int = 0


def take_in(messages: Sequence[Mapping[str, Any]], registry: Registry, knowledge: Knowledge, *, now_ms: int) -> Intake:
    intake = Intake()
    payloads: dict[str, dict[str, Any]] = {}
    for each in messages:
        try:
            payloads[each["messageId"]] = _payload(each, knowledge)
        except ApiError as error:
            intake.failed[each["messageId"]] = error
    entries = _entries(messages, payloads, registry)
    for each in messages:
        if each["messageId"] in payloads:
            _add(each, payloads[each["messageId"]], entries, knowledge, intake, now_ms=now_ms)
    return intake


def _payload(message: Mapping[str, Any], knowledge: Knowledge) -> dict[str, Any]:
    if message["inputName"] not in knowledge.inputs:
        raise not_found(f"Input of name: {message['inputName']} not found")
    try:
        raw = base64.b64decode(message["payload"], validate=True)
        if len(raw) > MAX_PAYLOAD_BYTES:
            raise invalid(f"The payload has {len(raw):,} bytes; a message may have {MAX_PAYLOAD_BYTES:,}.")
        payload = msgspec.json.decode(raw)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"The payload is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise invalid("The payload is no JSON object.")
    return payload


def _entries(
    messages: Sequence[Mapping[str, Any]], payloads: Mapping[str, Mapping[str, Any]], registry: Registry
) -> Mapping[str, Entry]:
    """Of the devices that messages of telemetry are of, as far as they are registered."""
    telemetry = (payloads.get(each["messageId"]) for each in messages if each["inputName"] in _APPLICATION_OF)
    named = {payload.get("device_id") for payload in telemetry if payload is not None}
    devices = {each for each in named if isinstance(each, str) and each}
    return registry.look_up(devices) if devices else {}


def _add(
    message: Mapping[str, Any],
    payload: dict[str, Any],
    entries: Mapping[str, Entry],
    knowledge: Knowledge,
    intake: Intake,
    *,
    now_ms: int,
) -> None:
    entry = _device_of(message, payload, entries)
    if entry is not None:
        if not entry.watched.watched:
            intake.unwatched += 1
            return
        payload = join(payload, entry.watched, knowledge.catalog)[1]
    arrival = _arrival(message, payload, entry, now_ms)
    missing: list[KeyMissingError] = []
    taken = 0
    for watch in knowledge.looking_at(arrival.input_name):
        try:
            key = watch.machine.key_value(Message(arrival.input_name, payload, arrival.origin))
        except KeyMissingError as error:
            missing.append(error)
            continue
        own = watch.for_key(key)
        if arrival.input_name in own.machine.inputs:
            blank = new_detector(own, key)
            intake.tasks.setdefault(blank.detector_id, Task(own, blank)).arrivals.append(arrival)
        taken += 1
    if missing and not taken:
        intake.failed[arrival.origin] = invalid(missing[0].message)


def _device_of(message: Mapping[str, Any], payload: Mapping[str, Any], entries: Mapping[str, Entry]) -> Entry | None:
    """The registered device of a message of telemetry; None for any other message."""
    application, device_id = _APPLICATION_OF.get(message["inputName"]), payload.get("device_id")
    entry = entries.get(device_id) if isinstance(device_id, str) else None
    return entry if entry is not None and entry.watched.application == application else None


def _arrival(message: Mapping[str, Any], payload: dict[str, Any], entry: Entry | None, now_ms: int) -> Arrival:
    message_id = message["messageId"]
    return Arrival(
        input_name=message["inputName"],
        payload=payload,
        origin=message_id,
        shard_id="",
        sequence=0,
        thing="",
        device_id=entry.watched.device_id if entry else "",
        application=entry.watched.application if entry else "",
        reading_key=f"api/{message_id}",
        timestamp=_timestamp(message, payload, entry, now_ms),
        arrived_at=now_ms,
        message_id=message_id,
    )


def _timestamp(message: Mapping[str, Any], payload: Mapping[str, Any], entry: Entry | None, now_ms: int) -> int:
    """When it was, for detectors on the event clock: as the message says, else as a device's reading says, else now."""
    told = (message.get("timestamp") or {}).get("timeInMillis")
    if told is None and entry is not None:
        told = payload.get("timestamp")
    return told if type(told) is int else now_ms
