"""What each function takes from its environment. Nothing else reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(Exception):
    """The environment lacks variables; `missing` names them all."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"missing environment variables: {', '.join(missing)}")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class StoreTelemetrySettings:
    stage: str
    reading_table: str
    latest_table: str
    device_table: str
    quarantine_table: str
    ledger_table: str
    quarantine_bucket: str
    archive_delivery_stream: str
    reading_retention_days: int
    max_clock_lead_minutes: int
    per_device_metrics: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "StoreTelemetrySettings":
        values = _require(environ, cls.__slots__)
        return cls(
            stage=values["stage"],
            reading_table=values["reading_table"],
            latest_table=values["latest_table"],
            device_table=values["device_table"],
            quarantine_table=values["quarantine_table"],
            ledger_table=values["ledger_table"],
            quarantine_bucket=values["quarantine_bucket"],
            archive_delivery_stream=values["archive_delivery_stream"],
            reading_retention_days=int(values["reading_retention_days"]),
            max_clock_lead_minutes=int(values["max_clock_lead_minutes"]),
            per_device_metrics=values["per_device_metrics"] == "true",
        )


@dataclass(frozen=True, slots=True)
class AuthorizeProvisioningSettings:
    device_table: str
    allowed_serial_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "AuthorizeProvisioningSettings":
        return cls(**_require(environ, cls.__slots__))


@dataclass(frozen=True, slots=True)
class RecordPresenceSettings:
    device_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "RecordPresenceSettings":
        return cls(**_require(environ, cls.__slots__))


def _require(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The variables that carry `names` (in capitals); an empty one counts as missing."""
    missing = tuple(name.upper() for name in names if not environ.get(name.upper()))
    if missing:
        raise SettingsError(missing)
    return {name: environ[name.upper()] for name in names}
