"""What each function takes from its environment. Nothing else reads the environment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self


class SettingsError(Exception):
    """The environment lacks variables; `missing` names them all."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"missing environment variables: {', '.join(missing)}")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Settings:
    """A field is the variable of its name in capitals, read as its type says.

    A variable that is empty counts as missing, unless `may_be_empty` names its field.
    """

    may_be_empty: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises `SettingsError` with every variable that is missing."""
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if not environ.get(name.upper()) and not cls._is_left_empty(name, environ)]
        if missing:
            raise SettingsError(tuple(name.upper() for name in missing))
        return cls(**{field.name: _READERS[field.type](environ[field.name.upper()]) for field in fields(cls)})

    @classmethod
    def _is_left_empty(cls, name: str, environ: Mapping[str, str]) -> bool:
        return name in cls.may_be_empty and name.upper() in environ


_READERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, bool: lambda text: text == "true"}


@dataclass(frozen=True, slots=True)
class StoreTelemetrySettings(Settings):
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


@dataclass(frozen=True, slots=True)
class AuthorizeProvisioningSettings(Settings):
    device_table: str
    allowed_serial_table: str


@dataclass(frozen=True, slots=True)
class RecordPresenceSettings(Settings):
    device_table: str


@dataclass(frozen=True, slots=True)
class EvaluateDetectorsSettings(Settings):
    stage: str
    detector_table: str
    device_table: str
    effect_queue_url: str
    timer_queue_url: str
    max_clock_lead_minutes: int


@dataclass(frozen=True, slots=True)
class FireTimersSettings(Settings):
    stage: str
    detector_table: str
    device_table: str
    telemetry_stream_arn: str
    effect_queue_url: str
    timer_queue_url: str


@dataclass(frozen=True, slots=True)
class DataPlaneSettings(Settings):
    stage: str
    detector_table: str
    device_table: str
    telemetry_stream_arn: str
    effect_queue_url: str
    timer_queue_url: str


@dataclass(frozen=True, slots=True)
class RunEffectsSettings(Settings):
    may_be_empty: ClassVar[frozenset[str]] = frozenset({"topic_prefix"})

    stage: str
    topic_prefix: str
    detector_table: str
    effect_queue_url: str
    effect_dead_letter_queue_url: str
    open_incident_function: str
    recover_incident_function: str


@dataclass(frozen=True, slots=True)
class OpenIncidentSettings(Settings):
    stage: str
    incident_table: str
    device_table: str
    detector_table: str
    policy_table: str
    storm_table: str
    incident_state_machine_arn: str


@dataclass(frozen=True, slots=True)
class SendTestPagesSettings(Settings):
    stage: str
    incident_table: str
    policy_table: str
    incident_state_machine_arn: str
    test_page_overdue_days: int


@dataclass(frozen=True, slots=True)
class RecoverIncidentSettings(Settings):
    stage: str
    incident_table: str


@dataclass(frozen=True, slots=True)
class KeepEvidenceSettings(Settings):
    stage: str
    incident_table: str
    reading_table: str
    evidence_bucket: str


@dataclass(frozen=True, slots=True)
class EnrichIncidentSettings(Settings):
    stage: str
    incident_table: str
    reading_table: str
    device_table: str


@dataclass(frozen=True, slots=True)
class NotifyTierSettings(Settings):
    """`page_base_url` is where the incident page answers, with a slash at its end."""

    may_be_empty: ClassVar[frozenset[str]] = frozenset({"topic_prefix", "mail_sender", "mail_configuration_set"})

    stage: str
    topic_prefix: str
    incident_table: str
    link_table: str
    contact_table: str
    policy_table: str
    storm_table: str
    notification_topic_arn: str
    page_base_url: str
    mail_sender: str
    mail_configuration_set: str
    code_key_secret: str
    event_bus_name: str


@dataclass(frozen=True, slots=True)
class RecordDeliverySettings(Settings):
    stage: str
    incident_table: str
    notify_tier_function: str


@dataclass(frozen=True, slots=True)
class AwaitResolutionSettings(Settings):
    stage: str
    incident_table: str
    contact_table: str
    event_bus_name: str


@dataclass(frozen=True, slots=True)
class HandOverIncidentSettings(Settings):
    stage: str
    incident_table: str


@dataclass(frozen=True, slots=True)
class ReconcileIncidentsSettings(Settings):
    stage: str
    incident_table: str
    incident_state_machine_arn: str


@dataclass(frozen=True, slots=True)
class RecordIncidentSettings(Settings):
    may_be_empty: ClassVar[frozenset[str]] = frozenset({"topic_prefix"})

    stage: str
    topic_prefix: str
    incident_table: str
    reading_table: str
    device_table: str
    contact_table: str
    evidence_bucket: str
    event_bus_name: str


@dataclass(frozen=True, slots=True)
class IncidentPageSettings(Settings):
    """`page_base_url` is empty where the page has no address of its own beside its function URL."""

    may_be_empty: ClassVar[frozenset[str]] = frozenset({"page_base_url"})

    stage: str
    incident_table: str
    link_table: str
    contact_table: str
    reading_table: str
    attempt_table: str
    evidence_bucket: str
    code_key_secret: str
    page_base_url: str
    send_command_function: str


@dataclass(frozen=True, slots=True)
class ManageContactsSettings(Settings):
    may_be_empty: ClassVar[frozenset[str]] = frozenset({"mail_sender", "mail_configuration_set"})

    stage: str
    contact_table: str
    link_table: str
    policy_table: str
    notification_topic_arn: str
    mail_sender: str
    mail_configuration_set: str
    code_key_secret: str
    secret_prefix: str
    event_bus_name: str
    open_incident_function: str
    recover_incident_function: str


@dataclass(frozen=True, slots=True)
class SendCommandSettings(Settings):
    stage: str
    command_table: str
    device_table: str
    command_state_machine_arn: str


@dataclass(frozen=True, slots=True)
class DispatchCommandSettings(Settings):
    may_be_empty: ClassVar[frozenset[str]] = frozenset({"topic_prefix"})

    stage: str
    topic_prefix: str
    command_table: str


@dataclass(frozen=True, slots=True)
class RecordCommandResponseSettings(Settings):
    stage: str
    command_table: str


@dataclass(frozen=True, slots=True)
class TimeOutCommandSettings(Settings):
    stage: str
    command_table: str
