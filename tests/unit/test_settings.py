"""Settings: all that is missing is said at once."""

import pytest

from coldwatch.settings import RecordPresenceSettings, SettingsError, StoreTelemetrySettings
from tests.integration.aws.stack import ENVIRONMENT


def test_settings_are_typed() -> None:
    settings = StoreTelemetrySettings.from_env(ENVIRONMENT)

    assert (settings.reading_retention_days, settings.per_device_metrics) == (90, True)
    assert settings.quarantine_bucket == "quarantine"


def test_every_missing_variable_is_named_in_one_error() -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in {"STAGE", "LEDGER_TABLE"}}

    with pytest.raises(SettingsError) as caught:
        StoreTelemetrySettings.from_env(environment | {"READING_TABLE": ""})

    assert set(caught.value.missing) == {"STAGE", "LEDGER_TABLE", "READING_TABLE"}


def test_a_function_needs_no_more_than_its_own() -> None:
    assert RecordPresenceSettings.from_env({"DEVICE_TABLE": "d"}).device_table == "d"
