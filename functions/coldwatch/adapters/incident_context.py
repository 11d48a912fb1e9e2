"""What an incident asks of other parts: the registry's device, the state of a detector, what a model opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch.adapters.detector_files import load_deployment
from coldwatch.adapters.items import from_item, to_item
from coldwatch.detection.detector import decode_detector
from coldwatch.detection.effect import detector_id
from coldwatch.detection.errors import StoredDetectorError
from coldwatch.incidents.incident import Severity
from coldwatch.incidents.ports import Device, IncidentForm

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PLACE = ("site", "location", "place", "gateway")
"""What an entry of the registry may say of where its device is."""
_CALIBRATION = "calibration_"
"""Begins what it may say of the calibration: of the certificate, when it is due, its uncertainty."""


@dataclass(frozen=True, slots=True)
class DynamoDeviceDirectory:
    """`ports.DeviceDirectory`."""

    client: DynamoDBClient
    table: str

    def find(self, device_id: str) -> Device | None:
        key = to_item({"device_id": device_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        entry = from_item(item)
        return Device(
            device_id=device_id,
            fleet_id=entry.get("fleet_id", ""),
            device_type=entry.get("device_type", ""),
            application=entry.get("application", ""),
            place={name: entry[name] for name in _PLACE if name in entry},
            calibration={
                name.removeprefix(_CALIBRATION): value
                for name, value in sorted(entry.items())
                if name.startswith(_CALIBRATION)
            },
        )


@dataclass(frozen=True, slots=True)
class DynamoDetectorStates:
    """`ports.DetectorStates`."""

    client: DynamoDBClient
    table: str

    def state_of(self, detector_model: str, key: str) -> str | None:
        name = to_item({"detector_id": detector_id(detector_model, key)})
        item = self.client.get_item(TableName=self.table, Key=name, ConsistentRead=True).get("Item")
        if item is None:
            return None
        try:
            detector = decode_detector(item["body"]["S"], int(item["version"]["N"]), is_owing=False)
        except StoredDetectorError:  # whoever evaluates it says so; an incident is opened all the same
            return None
        return detector.snapshot.state if detector.snapshot else None


def incident_forms() -> dict[str, IncidentForm]:
    """By the name of the detector model, of those that the deployment has a word on."""
    return {
        name: IncidentForm(each.incident.kind, Severity(each.incident.severity), each.incident.title)
        for name, each in load_deployment().models.items()
        if each.incident is not None
    }
