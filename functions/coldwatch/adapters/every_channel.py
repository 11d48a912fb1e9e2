"""The channels as functions use them, each with the clients that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldwatch.adapters.channels import AwsChannels, PagerDutyService
from coldwatch.adapters.clients import dynamodb_client, events_client, secrets_client, ses_client, sns_client
from coldwatch.adapters.event_bus import EventBus
from coldwatch.adapters.https_post import HttpsPoster
from coldwatch.adapters.mail import SesMailer
from coldwatch.adapters.notifier import SnsNotifier
from coldwatch.adapters.secret_store import SecretError, SecretsManagerSecrets
from coldwatch.adapters.send_pace import SendPace

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldwatch.settings import ManageContactsSettings, NotifyTierSettings


def every_channel(own: NotifyTierSettings | ManageContactsSettings) -> tuple[AwsChannels, SecretsManagerSecrets]:
    """And the secrets of where they lead, for whoever keeps or reads another."""
    secrets = SecretsManagerSecrets(secrets_client())
    channels = AwsChannels(
        sns=SnsNotifier(sns_client(), own.notification_topic_arn, SendPace(dynamodb_client(), own.link_table)),
        mailer=SesMailer(ses_client(), own.mail_sender, own.mail_configuration_set) if own.mail_sender else None,
        pagerduty=PagerDutyService(secrets, HttpsPoster()),
        bus=EventBus(events_client(), own.event_bus_name),
    )
    return channels, secrets


def pagerduty_service() -> PagerDutyService:
    return PagerDutyService(SecretsManagerSecrets(secrets_client()), HttpsPoster())


def code_key(secrets: SecretsManagerSecrets, name: str) -> Callable[[], bytes | None]:
    """None where it cannot be read: a message without a code is better than none."""

    def read() -> bytes | None:
        try:
            return secrets.text(name).encode()
        except SecretError:
            return None

    return read
