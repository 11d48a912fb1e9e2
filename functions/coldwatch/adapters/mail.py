"""Mails through Amazon SES (API v2): a body for each responder, as text and HTML, without a link that unsubscribes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.incidents.ports import NotSentError

if TYPE_CHECKING:
    from coldwatch.incidents.channels.ways import Way
    from coldwatch.incidents.ports import Notification

_TRY_AGAIN: Final = frozenset({"TooManyRequestsException", "LimitExceededException", "InternalFailure"})


@dataclass(frozen=True, slots=True)
class SesMailer:
    """`client` is boto3's `sesv2`. The tags come back with what SES says of the mail's delivery."""

    client: Any
    sender: str
    configuration_set: str

    def send(self, notification: Notification, way: Way) -> str:
        try:
            answer = self.client.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [each.endpoint for each in way.addresses]},
                Content={"Simple": _content(notification)},
                EmailTags=[{"Name": name, "Value": value} for name, value in _tags(notification, way).items()],
                **({"ConfigurationSetName": self.configuration_set} if self.configuration_set else {}),
            )
        except (BotoCoreError, ClientError) as error:
            raise NotSentError(f"SES did not take it ({_code(error)}).", is_permanent=_is_permanent(error)) from None
        return str(answer["MessageId"])


def _content(notification: Notification) -> dict[str, Any]:
    def part(said: str) -> dict[str, str]:
        return {"Data": said, "Charset": "UTF-8"}

    body = {"Text": part(notification.text)} | ({"Html": part(notification.html)} if notification.html else {})
    headers = [{"Name": "Auto-Submitted", "Value": "auto-generated"}]
    return {"Subject": part(notification.subject), "Body": body, "Headers": headers}


def _tags(notification: Notification, way: Way) -> dict[str, str]:
    """Letters, digits, - and _: a contact's id is made of these, an incident's too."""
    if not notification.incident_id:
        return {"purpose": "test"}
    return {
        "purpose": "page",
        "incident_id": notification.incident_id,
        "round": str(notification.round),
        "contact_id": notification.contact_id,
        "channel": way.channel,
    }


def _code(error: Exception) -> str:
    """What AWS calls the fault; its message may repeat an address."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def _is_permanent(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return status < 500 and _code(error) not in _TRY_AGAIN and "Throttl" not in _code(error)
