"""Every channel behind one call: what a way leads to, by the protocol of its addresses."""

from __future__ import annotations

import json
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.secret_store import SecretError
from coldwatch.incidents.channels import payloads
from coldwatch.incidents.channels.destinations import PAGERDUTY_HOSTS
from coldwatch.incidents.channels.signature import PAGE_ID, SIGNATURE, TIMESTAMP, sign
from coldwatch.incidents.channels.ways import SNS
from coldwatch.incidents.contacts import ChannelKind
from coldwatch.incidents.ports import NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coldwatch.adapters.event_bus import EventBus
    from coldwatch.adapters.https_post import HttpsPoster
    from coldwatch.adapters.mail import SesMailer
    from coldwatch.adapters.notifier import SnsNotifier
    from coldwatch.adapters.secret_store import SecretsManagerSecrets
    from coldwatch.incidents.channels.ways import Way
    from coldwatch.incidents.contacts import Address
    from coldwatch.incidents.ports import Notification

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class AwsChannels:
    """`ports.Channels`. `mailer` is None where no sender is verified. `now_s`: what a webhook's signature says."""

    sns: SnsNotifier
    mailer: SesMailer | None
    pagerduty: PagerDutyService
    bus: EventBus
    now_s: Callable[[], float] = time.time

    def send(self, notification: Notification, way: Way) -> str:
        with every_fault_as_not_sent(way.channel):
            return self._send(notification, way)

    def _send(self, notification: Notification, way: Way) -> str:
        if way.channel == SNS:
            return self.sns.send(notification, way)
        (address, *_) = way.addresses
        match address.protocol:
            case ChannelKind.SES_EMAIL if self.mailer:
                return self.mailer.send(notification, way)
            case ChannelKind.SES_EMAIL:
                raise NotSentError("No sender of mails is set (MailSender).", is_permanent=True)
            case ChannelKind.EVENTBRIDGE:
                about = notification.incident_id or notification.contact_id
                return self.bus.put("ResponderPaged", payloads.page_event(notification), about)
            case _:
                self._post(notification, address)
                return notification.page_id

    def _post(self, notification: Notification, address: Address) -> None:
        if address.protocol is ChannelKind.PAGERDUTY:
            self.pagerduty.trigger(notification, address)
            return
        secret, poster = read_secret(self.pagerduty.secrets, address), self.pagerduty.poster
        url = secret.get("url", "")
        match address.protocol:
            case ChannelKind.SLACK:
                poster.post(address.channel, url, _written(payloads.slack(notification)))
            case ChannelKind.TEAMS:
                poster.post(address.channel, url, _written(payloads.teams(notification)))
            case _:
                body, at_s = _written(payloads.webhook(notification)), int(self.now_s())
                signature = sign(secret.get("key", ""), at_s, body)
                headers = {TIMESTAMP: str(at_s), SIGNATURE: signature, PAGE_ID: notification.page_id}
                poster.post(address.channel, url, body, headers)


@dataclass(frozen=True, slots=True)
class PagerDutyService:
    """`announcing.PagerDuty`, and what triggers. The key of a service is its secret."""

    secrets: SecretsManagerSecrets
    poster: HttpsPoster

    def trigger(self, notification: Notification, address: Address) -> None:
        secret = read_secret(self.secrets, address)
        self._send(address, secret, payloads.pagerduty_trigger(notification, secret.get("routing_key", "")))

    def update_pagerduty(self, address: Address, action: str, alert_key: str) -> None:
        with every_fault_as_not_sent(address.channel):
            secret = read_secret(self.secrets, address)
            self._send(address, secret, payloads.pagerduty_update(action, alert_key, secret.get("routing_key", "")))

    def _send(self, address: Address, secret: dict[str, str], event: dict[str, Any]) -> None:
        host = PAGERDUTY_HOSTS.get(secret.get("region", "us"), PAGERDUTY_HOSTS["us"])
        self.poster.post(address.channel, f"https://{host}/v2/enqueue", _written(event))


@contextmanager
def every_fault_as_not_sent(channel: str) -> Iterator[None]:
    """Whatever a channel raises, another may take the message. Of an unknown fault only the kind is told: its words may
    repeat what was sent.
    """
    try:
        yield
    except NotSentError:
        raise
    except Exception as error:  # noqa: BLE001 - the edge to services that are not ours: one must not cost the others
        kind, place = type(error).__name__, traceback.extract_tb(error.__traceback__)[-1]
        about = {"channel": channel, "fault": kind, "at": f"{place.filename}:{place.lineno}"}
        logger.error("channel failed in a way that nobody foresaw", extra=about)  # noqa: TRY400 - its words stay out of the log
        raise NotSentError(f"{channel} failed ({kind}).") from None


def read_secret(secrets: SecretsManagerSecrets, address: Address) -> dict[str, str]:
    """Raises NotSentError."""
    try:
        return secrets.find(address.secret_name or "")
    except SecretError as error:
        raise NotSentError(str(error), is_permanent=error.is_missing) from None


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()
