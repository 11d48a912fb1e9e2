"""What each service is sent. Whatever a device or the registry said is data in it, and never markup.

Forms: PagerDuty, "Send an event" (Events API v2); Slack, "Incoming webhooks" and "Block Kit"; Microsoft Teams, a
workflow that posts an Adaptive Card for each request; AWS, "PutEvents".
"""

from typing import Any, Final

from coldwatch.incidents.ports import Notification

_SUMMARY: Final = 1024
"""PagerDuty takes no longer summary."""
_HEADER: Final = 150
_FIELD: Final = 1900
"""Slack takes headers of 150 characters and fields of 2,000."""
_CLIENT: Final = "Coldwatch"


def pagerduty_trigger(notification: Notification, routing_key: str) -> dict[str, Any]:
    """What is of no incident alone, such as a digest, is an alert of its own, which nobody else closes."""
    facts = dict(notification.facts)
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": notification.alert_key or notification.page_id,
        "client": _CLIENT,
        "payload": {
            "summary": notification.subject[:_SUMMARY],
            "source": facts.get("Where", _CLIENT)[:_SUMMARY],
            "severity": notification.severity,
            "custom_details": facts,
        },
        "links": [{"href": notification.link, "text": "Open the incident"}] if notification.link else [],
    }


def pagerduty_update(action: str, alert_key: str, routing_key: str) -> dict[str, Any]:
    """`acknowledge` or `resolve`, of what was triggered."""
    return {"routing_key": routing_key, "event_action": action, "dedup_key": alert_key}


def slack(notification: Notification) -> dict[str, Any]:
    """All of it plain text: neither a link nor a mention can come from what a device says."""
    fields = [_slack_text(f"{name}: {said}"[:_FIELD]) for name, said in notification.facts]
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _slack_text(notification.subject[:_HEADER])}]
    blocks.append({"type": "section", "fields": fields} if fields else _slack_section(notification.text))
    if notification.link:
        button = {"type": "button", "text": _slack_text("Open the incident"), "url": notification.link}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": _slack_escaped(notification.subject), "blocks": blocks}


def teams(notification: Notification) -> dict[str, Any]:
    """Texts are runs, in which Teams reads no Markdown."""
    color = "attention" if notification.severity == "critical" else "warning"
    body: list[dict[str, Any]] = [_run(notification.subject, size="large", weight="bolder", color=color)]
    body += [_run(f"{name}: {said}") for name, said in notification.facts] or [_run(notification.text)]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "full"},
    }
    if notification.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the incident", "url": notification.link}]
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def webhook(notification: Notification) -> dict[str, Any]:
    """`schemas/webhook_page.schema.json`."""
    return {
        "version": 1,
        "type": "page" if notification.incident_id else "test",
        "page_id": notification.page_id,
        "contact_id": notification.contact_id,
        "incident_id": notification.incident_id or None,
        "round": notification.round or None,
        "severity": notification.severity or None,
        "subject": notification.subject,
        "text": notification.text,
        "facts": dict(notification.facts),
        "link": notification.link or None,
    }


def page_event(notification: Notification) -> dict[str, Any]:
    """For the event bus: that somebody is asked. Without the link: whoever reads the bus is not that somebody."""
    return {
        "page_id": notification.page_id,
        "contact_id": notification.contact_id,
        "incident_id": notification.incident_id,
        "round": notification.round,
        "severity": notification.severity,
        "subject": notification.subject,
        "facts": dict(notification.facts),
    } | ({} if notification.incident_id else {"text": notification.text})


def _slack_section(said: str) -> dict[str, Any]:
    return {"type": "section", "text": _slack_text(said[:_FIELD])}


def _slack_text(said: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": _slack_escaped(said) or "-", "emoji": False}


def _slack_escaped(said: str) -> str:
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _run(said: str, **look: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": said or "-", **look}]}
