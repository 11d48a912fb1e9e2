"""Whom an alarm model tells of a new state, by the function that its `alarmNotification` names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coldwatch.engine.action_forms import read_payload
from coldwatch.engine.documents import list_member, member_path, object_member, objects, refuse_others, text_member
from coldwatch.engine.model import ExternalAction, PayloadTemplate
from coldwatch.engine.report import Report

_PATH: Final = "alarmNotification.notificationActions"


@dataclass(frozen=True, slots=True)
class Email:
    sender: str
    to: tuple[str, ...]
    """Users of an identity store, as the model names them."""
    subject: str | None
    additional_message: str | None


@dataclass(frozen=True, slots=True)
class TextMessage:
    sender_id: str | None
    to: tuple[str, ...]
    """Likewise."""
    additional_message: str | None


@dataclass(frozen=True, slots=True)
class Notification:
    """A function is told, and told whom to tell."""

    action: ExternalAction
    emails: tuple[Email, ...]
    text_messages: tuple[TextMessage, ...]
    path: str


def read_notifications(document: Mapping[str, Any], report: Report) -> tuple[Notification, ...]:
    place = "alarmNotification"
    group = object_member(document, place, "", report)
    refuse_others(group, ("notificationActions",), place, report)
    found = objects(list_member(group, "notificationActions", place, report), _PATH, report)
    notifications = [_read_notification(each, path, report) for path, each in found]
    return tuple(each for each in notifications if each is not None)


def _read_notification(document: Mapping[str, Any], path: str, report: Report) -> Notification | None:
    refuse_others(document, ("action", "emailConfigurations", "smsConfigurations"), path, report)
    action = _read_function(document, path, report)
    emails = [_read_email(each, at, report) for at, each in _listed(document, "emailConfigurations", path, report)]
    texts = [_read_text(each, at, report) for at, each in _listed(document, "smsConfigurations", path, report)]
    if action is None:
        return None
    return Notification(action, tuple(each for each in emails if each is not None), tuple(texts), path)


def _listed(document: Mapping[str, Any], member: str, path: str, report: Report) -> list[tuple[str, Mapping[str, Any]]]:
    return objects(list_member(document, member, path, report), member_path(path, member), report)


def _read_function(document: Mapping[str, Any], path: str, report: Report) -> ExternalAction | None:
    place = f"{path}.action"
    target = object_member(document, "action", path, report)
    refuse_others(target, ("lambdaAction",), place, report)
    place, function = f"{place}.lambdaAction", object_member(target, "lambdaAction", place, report)
    refuse_others(function, ("functionArn", "payload"), place, report)
    arn = text_member(function, "functionArn", place, report)
    payload: PayloadTemplate | None = read_payload(function, place, report) if "payload" in function else None
    return None if arn is None else ExternalAction("lambda", {"functionArn": arn}, payload, takes_payload=True)


def _read_email(document: Mapping[str, Any], path: str, report: Report) -> Email | None:
    refuse_others(document, ("from", "content", "recipients"), path, report)
    sender = text_member(document, "from", path, report)
    content = object_member(document, "content", path, report)
    refuse_others(content, ("subject", "additionalMessage"), f"{path}.content", report)
    recipients = object_member(document, "recipients", path, report)
    refuse_others(recipients, ("to",), f"{path}.recipients", report)
    to = _read_recipients(recipients, "to", f"{path}.recipients", report)
    place = f"{path}.content"
    subject, message = (_read_note(content, each, place, report) for each in ("subject", "additionalMessage"))
    return None if sender is None else Email(sender, to, subject, message)


def _read_text(document: Mapping[str, Any], path: str, report: Report) -> TextMessage:
    refuse_others(document, ("senderId", "additionalMessage", "recipients"), path, report)
    sender, message = (_read_note(document, each, path, report) for each in ("senderId", "additionalMessage"))
    return TextMessage(sender, _read_recipients(document, "recipients", path, report), message)


def _read_note(document: Mapping[str, Any], member: str, path: str, report: Report) -> str | None:
    return text_member(document, member, path, report) if member in document else None


def _read_recipients(document: Mapping[str, Any], member: str, path: str, report: Report) -> tuple[str, ...]:
    found = _listed(document, member, path, report)
    if not found:
        report.error(member_path(path, member), "a notification needs at least one recipient")
    return tuple(user for place, each in found if (user := _read_recipient(each, place, report)) is not None)


def _read_recipient(document: Mapping[str, Any], path: str, report: Report) -> str | None:
    refuse_others(document, ("ssoIdentity",), path, report)
    identity = object_member(document, "ssoIdentity", path, report)
    refuse_others(identity, ("identityStoreId", "userId"), f"{path}.ssoIdentity", report)
    text_member(identity, "identityStoreId", f"{path}.ssoIdentity", report)
    return text_member(identity, "userId", f"{path}.ssoIdentity", report)
