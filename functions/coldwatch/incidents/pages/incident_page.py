"""The page of an incident: how it stands, what this reader may do, what is wrong, who was told, what has happened.

In that order, because it is read by one eye at 3 a.m.: the sentence and the button are on the first screen.
"""

import re

from coldwatch.incidents.delivery import Delivery
from coldwatch.incidents.incident import Page, Status
from coldwatch.incidents.pages.buttons import feedback, others, primary
from coldwatch.incidents.pages.chart import Band, Curve, draw, thin, unsure
from coldwatch.incidents.pages.document import Document, document, text
from coldwatch.incidents.pages.facts import Measured, facts, figures, where
from coldwatch.incidents.pages.sentences import Said, said
from coldwatch.incidents.pages.view import View
from coldwatch.incidents.readings import BEFORE_MS, limits_shown, measure_of
from coldwatch.incidents.wording import figure

_CHANNELS = {
    "email": "e-mail",
    "ses_email": "e-mail",
    "sms": "SMS",
    "webhook": "webhook",
    "pagerduty": "PagerDuty",
    "slack": "Slack",
    "teams": "Teams",
    "eventbridge": "EventBridge",
}
_DELIVERIES = {
    "sent": "sent",
    Delivery.DELIVERED: "delivered",
    Delivery.FAILED: "not delivered",
    Delivery.COMPLAINED: "delivered, and marked as unwanted",
}
_UNHEARD = frozenset({Delivery.FAILED, Delivery.COMPLAINED})
"""Whoever marks a mail as unwanted may not be shown the next one."""
_MOST_EVENTS, _MOST_PAGES = 100, 50
"""A storm has an event for each of its incidents, and may have hundreds of them."""
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
"""A SHA-256: the record has all of it, a telephone's page its beginning."""


def render(view: View, *, status: int) -> Document:
    incident, sentence = view.incident, said(view)
    measured = Measured.of(incident, view.readings)
    parts = [
        _head(view),
        _say(view, sentence),
        _report(view),
        feedback(view),
        figures(view, measured),
        others(view),
        _chart(view, measured),
        _people(view),
        facts(view, measured),
        _timeline(view),
        _again(view),
    ]
    title = f"{sentence.headline} {incident.title}: {incident.device_id}"
    return document(status, title, "\n".join(part for part in parts if part))


def _head(view: View) -> str:
    incident = view.incident
    status, place = incident.status.value.lower(), where(incident)
    return (
        f'<p class="tags"><span class="tag {incident.severity.value}">{incident.severity.value}</span> '
        f'<span class="tag {status}">{status}</span></p>'
        f"<h1>{text(incident.title)}</h1>"
        f'<p class="where">{text(incident.device_id)}{f"<br>{text(place)}" if place else ""}</p>'
    )


def _say(view: View, sentence: Said) -> str:
    rest = f"<p>{text(sentence.rest)}</p>" if sentence.rest else ""
    return (
        f'<section class="say {sentence.tone}"><div role="status"><h2>{text(sentence.headline)}</h2>{rest}</div>'
        f"{primary(view)}</section>"
    )


def _report(view: View) -> str:
    """Its address holds the link's secret, as the page's own does: it is for whoever has the link, and nobody else."""
    if view.incident.status is not Status.RESOLVED or not view.secret:
        return ""
    if view.incident.recorded_at is None:
        return "<section><h2>Report</h2><p>It is being written. Look again in a minute.</p></section>"
    address = f"{view.root}a/{text(view.secret)}/report.pdf"
    return f'<section><h2>Report</h2><a class="button" href="{address}">Open the report (PDF)</a></section>'


def _chart(view: View, measured: Measured) -> str:
    incident, found = view.incident, measured.found
    measure, since = measure_of(incident), incident.began_at - BEFORE_MS
    drawn = Curve(
        label=measure.label,
        unit=measure.unit,
        points=thin([point for point in measured.points if point[0] >= since]),
        limits=[limit for limit in limits_shown(incident) if limit is not None],
        out_of_range=(incident.began_at, found.last_at) if found else None,
        gaps=_gaps(view, measured),
        late=measured.course.late,
        zone=view.zone,
    )
    return f"<section><h2>{measure.label}</h2><figure>{draw(drawn)}{_legend(view, drawn)}</figure></section>"


def _gaps(view: View, measured: Measured) -> list[Band]:
    """Those of the report; the one after the last reading goes on until now, as long as it is not over."""
    if not measured.points:
        return []
    last, until = measured.points[-1][0], view.incident.resolved_at or view.now_ms
    between = [gap for gap in measured.course.gaps if gap[1] <= last]
    return [*between, (last, until)] if until - last > measured.course.longest_gap_ms else between


def _legend(view: View, drawn: Curve) -> str:
    """What the drawing means, so that no colour has to say it."""
    limits = " and ".join(f"{figure(limit)} {drawn.unit}".strip() for limit in drawn.limits)
    words = [f"Dashed: the limit of {limits}." if limits else ""]
    if drawn.out_of_range:
        since, until = (view.clock(at) for at in drawn.out_of_range)
        words.append(f"Shaded: out of range from {since} to {until}.")
    told = " ".join(each for each in [*words, *unsure(drawn)] if each)
    return f"<figcaption>{text(told)}</figcaption>" if told else ""


def _people(view: View) -> str:
    told = [page for page in view.pages if page.delivery != "queued"]
    newest = sorted(told, key=lambda page: (page.round, page.at))[-_MOST_PAGES:]
    rows = "".join(_told(view, page) for page in newest)
    incident, upcoming = view.incident, ""
    if incident.deadline_at is not None and incident.status is Status.OPEN:
        at = view.clock_and_distance(incident.deadline_at)
        upcoming = f"<p><strong>Next: {text(view.asked_next())}</strong>, at {at}, unless somebody has it by then.</p>"
    nobody = "" if rows else "<p>Nobody yet.</p>"
    before = _earlier(view, len(told) - len(newest))
    parts = f"{nobody}{before}<ol>{rows}</ol>{upcoming}"
    return f"<section><h2>Who was told</h2>{parts}</section>" if rows or upcoming else ""


def _told(view: View, page: Page) -> str:
    """One message: to whom, how, when, and whether it came."""
    channel = _CHANNELS.get(str(page.channel), "")
    delivery = _DELIVERIES.get(str(page.delivery), "told") if page.is_sent else "could not be told"
    how = ", ".join(each for each in (f"tier {page.tier}", channel) if each)
    mark = "" if page.is_sent and page.delivery not in _UNHEARD else ' class="bad"'
    why = f": {text(page.failure)}" if page.failure else ""
    return (
        f"<li><strong>{text(view.name(page.contact_id))}</strong> ({how}): <span{mark}>{delivery}</span>{why}"
        f"{view.stamp(page.at)}</li>"
    )


def _timeline(view: View) -> str:
    newest = view.timeline[-_MOST_EVENTS:]
    rows = "".join(
        f"<li>{text(_DIGEST.sub(r'\1…', event.what))}{view.stamp(event.at)}</li>" for event in reversed(newest)
    )
    before = _earlier(view, len(view.timeline) - len(newest))
    return f"<section><h2>What has happened</h2><ol>{rows}</ol>{before}</section>" if rows else ""


def _earlier(view: View, number: int) -> str:
    """Where what has no room here is found: the report has all of it."""
    if not number:
        return ""
    where_ = "in the report" if view.incident.recorded_at else "in the report, once it is over"
    return f'<p class="hint">And {number} earlier ones: {where_}.</p>'


def _again(view: View) -> str:
    """The page stands still; whoever comes back to it asks anew."""
    as_of = f'<p class="hint">As of {view.stamp(view.now_ms)}.</p>'
    if not view.secret:
        return as_of
    return f'<p><a class="button" href="{view.root}a/{text(view.secret)}">Look again</a></p>{as_of}'
