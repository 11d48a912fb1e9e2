"""May a device have a certificate of its own? A serial on the allow-list gets one, once.

A claim certificate is shared by many devices, so whoever has it may ask in any name. What it must never get is the
identity of a device that exists: a serial that was claimed stays with the certificate that claimed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from coldwatch.telemetry.rejection import quoted
from coldwatch.telemetry.topics import DEVICE_TYPES, THING_NAME_LIMIT, Application, thing_name

ALLOWED = "ALLOWED"
CLAIMED = "CLAIMED"


class RefusalReason(StrEnum):
    MALFORMED_REQUEST = "malformed_request"
    UNKNOWN_TEMPLATE = "unknown_template"
    SERIAL_NOT_ALLOWED = "serial_not_allowed"
    WRONG_APPLICATION = "wrong_application"
    ALREADY_CLAIMED = "already_claimed"
    UNFIT_ALLOWANCE = "unfit_allowance"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`detail` is for the log: the device hears only that it is refused."""

    reason: RefusalReason
    detail: str


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a device asks for through a provisioning template, whose name says the application."""

    serial: str
    application: Application
    certificate_id: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """An item of the allow-list."""

    serial: str
    application: str
    fleet_id: str
    device_type: str
    status: str
    certificate_id: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The identity that a device gets. `is_repeated` when this very certificate has it already."""

    request: ClaimRequest
    thing_name: str
    fleet_id: str
    device_type: str
    is_repeated: bool


class AllowList(Protocol):
    def find(self, serial: str) -> Allowance | None:
        """The item of a serial, strongly consistent."""

    def claim(self, grant: Grant, *, now_ms: int) -> bool:
        """Claim the serial and register the device, both or neither; False if somebody else was first."""


def read_request(event: Mapping[str, Any]) -> ClaimRequest | Refusal:
    """Read a pre-provisioning hook's event (AWS IoT developer guide, "Pre-provisioning hooks")."""
    template = event.get("templateName") or str(event.get("templateArn", "")).rpartition("/")[2]
    application = _application(str(template))
    if application is None:
        return Refusal(RefusalReason.UNKNOWN_TEMPLATE, f"{quoted(template)} provisions no application.")
    parameters = event.get("parameters")
    serial = parameters.get("SerialNumber", "") if isinstance(parameters, dict) else ""
    certificate_id = event.get("certificateId", "")
    if not (_is_name(serial) and _is_name(certificate_id)):
        return Refusal(RefusalReason.MALFORMED_REQUEST, "The request names no SerialNumber, or no certificate.")
    return ClaimRequest(serial, application, certificate_id)


def decide(request: ClaimRequest, allowance: Allowance | None) -> Grant | Refusal:
    """Whether `request` is granted, given the allow-list's item of its serial."""
    serial = quoted(request.serial)
    if allowance is None:
        return Refusal(RefusalReason.SERIAL_NOT_ALLOWED, f"Serial {serial} is not on the allow-list.")
    if allowance.application != request.application:
        return Refusal(
            RefusalReason.WRONG_APPLICATION,
            f"Serial {serial} is allowed for {allowance.application}, not for {request.application}.",
        )
    is_repeated = allowance.status == CLAIMED and allowance.certificate_id == request.certificate_id
    if allowance.status != ALLOWED and not is_repeated:
        return Refusal(RefusalReason.ALREADY_CLAIMED, f"Serial {serial} was claimed with another certificate.")
    return _grant(request, allowance, is_repeated=is_repeated)


def _grant(request: ClaimRequest, allowance: Allowance, *, is_repeated: bool) -> Grant | Refusal:
    if allowance.device_type not in DEVICE_TYPES[request.application]:
        detail = f"The allow-list says {quoted(allowance.device_type)}, which is no {request.application} device type."
        return Refusal(RefusalReason.UNFIT_ALLOWANCE, detail)
    try:
        name = thing_name(allowance.fleet_id, allowance.device_type, allowance.serial)
    except ValueError as error:
        return Refusal(RefusalReason.UNFIT_ALLOWANCE, f"The allow-list's item makes no thing name: {error}.")
    return Grant(request, name, allowance.fleet_id, allowance.device_type, is_repeated)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= THING_NAME_LIMIT


def _application(template: str) -> Application | None:
    """Templates are called `coldwatch_{application}`, with the stage's prefix before it where it has one."""
    for application in Application:
        if template.endswith(f"coldwatch_{application}"):
            return application
    return None
