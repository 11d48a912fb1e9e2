"""What has come of it, for this reader: a headline, what follows from it, and the colour that goes with it."""

from dataclasses import dataclass
from typing import Literal, assert_never

from coldwatch.incidents.answering import Action, Outcome
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.pages.choices import CAUSES, DISPOSITIONS
from coldwatch.incidents.pages.view import View

type Tone = Literal["asked", "yours", "theirs", "resolved", "stop"]


@dataclass(frozen=True, slots=True)
class Said:
    tone: Tone
    headline: str
    rest: str


def said(view: View) -> Said:  # noqa: PLR0911 - one case for each outcome, so that the checker sees a missing one
    """The sentence of every outcome that shows its incident."""
    match view.outcome:
        case Outcome.SHOWN:
            return _asked(view)
        case Outcome.ACKNOWLEDGED:
            return Said(
                "yours", f"Thank you, {view.reader}: you have it.", f"Nobody else is told for now.{_then(view)}"
            )
        case Outcome.ALREADY_YOURS:
            return _yours(view)
        case Outcome.ALREADY_TAKEN:
            return _taken(view)
        case Outcome.TOO_LATE:
            rest = f"It went on. Asked now, until {_deadline(view)}: {view.asked_now()}. Nothing was changed."
            return Said("stop", "Too late for this link.", rest)
        case Outcome.RESOLVED:
            return Said("resolved", f"Resolved. Thank you, {view.reader}.", _recorded(view.incident))
        case Outcome.ALREADY_RESOLVED:
            return _over(view)
        case _:
            return _lesser(view)


def _lesser(view: View) -> Said:
    """What was asked for besides taking it and ending it."""
    match view.outcome:
        case Outcome.SNOOZED:
            return _quiet(view, f"Quiet until {_at(view, view.incident.snoozed_until)}.")
        case Outcome.ESCALATED:
            return Said("asked", "The next are told now.", f"Asked: {view.asked_next()}. {_yours_still(view)}")
        case Outcome.COMMAND_SENT:
            name = (view.asked and view.asked.command) or "The command"
            rest = f"{name} is on its way to {view.incident.device_id}. What comes of it is in the timeline."
            return Said("yours", "The command was sent.", rest)
        case Outcome.THANKED:
            return Said("resolved", f"Thank you, {view.reader}.", "Your answer is kept with the incident.")
        case Outcome.NOT_ALLOWED:
            return Said("stop", "Not from this link.", f"{view.detail or _why_not(view)} Nothing was changed.")
        case _:
            assert view.outcome in {Outcome.EXPIRED, Outcome.UNKNOWN}
            return Said("stop", "Nothing to show.", "Nothing was changed.")


def _asked(view: View) -> Said:
    if view.is_answer:
        return Said("asked", "Nothing was changed.", f"Nobody has it yet. Asked now: {view.asked_now()}.")
    incident = view.incident
    if incident.deadline_at is None:
        return Said("asked", "Nobody has it yet.", f"{view.reader}, press the button if you take it.")
    until = view.clock_and_distance(incident.deadline_at)
    rest = f"{view.reader}, press the button by {until}. Told after that: {view.asked_next()}."
    return Said("asked", "Nobody has it yet.", rest)


def _yours(view: View) -> Said:
    incident = view.incident
    if incident.status is Status.SNOOZED:
        return _quiet(view, f"You put it off until {_at(view, incident.snoozed_until)}.")
    rest = f"Since {_at(view, incident.held_since)}.{_then(view)}"
    return Said("yours", f"You have it, {view.reader}.", rest)


def _taken(view: View) -> Said:
    incident = view.incident
    unchanged = " Nothing was changed." if view.is_answer else ""
    if incident.status is Status.SNOOZED:
        headline = f"{view.name(incident.snoozed_by)} put it off until {_at(view, incident.snoozed_until)}."
        return Said("theirs", headline, f"It is told again then. You need not do anything.{unchanged}")
    headline = f"{view.name(incident.holder)} has it."
    rest = f"Since {_at(view, incident.held_since)}. You need not do anything.{unchanged}"
    return Said("theirs", headline, rest)


def _over(view: View) -> Said:
    incident = view.incident
    unchanged = " Nothing was changed." if view.is_answer else ""
    by = f"by {view.name(incident.resolved_by)}" if incident.resolved_by else ""
    if incident.resolution == "recovered":
        by = "the readings are right again"
    rest = " ".join(each for each in (f"{by[:1].upper()}{by[1:]}." if by else "", _recorded(incident)) if each)
    return Said("resolved", f"It is over since {_at(view, incident.resolved_at)}.", f"{rest}{unchanged}")


def _quiet(view: View, headline: str) -> Said:
    """Who put it off, and what comes after."""
    by = view.name(view.incident.snoozed_by)
    return Said("yours", headline, f"If it is not over by then, it is told again. {by} put it off.")


def _recorded(incident: Incident) -> str:
    parts = []
    if incident.cause:
        parts.append(f"Cause: {CAUSES[incident.cause].lower()}.")
    if incident.disposition:
        parts.append(f"Goods: {DISPOSITIONS[incident.disposition].lower()}.")
    return " ".join(parts)


def _why_not(view: View) -> str:
    """Who it belongs to, so that the reader knows whom to call."""
    incident = view.incident
    match incident.status:
        case Status.OPEN:
            return f"Nobody has it yet. Asked now: {view.asked_now()}."
        case Status.ACKNOWLEDGED:
            return f"{view.name(incident.acknowledged_by)} has it since {_at(view, incident.held_since)}."
        case Status.SNOOZED:
            return f"{view.name(incident.snoozed_by)} put it off until {_at(view, incident.snoozed_until)}."
        case Status.RESOLVED:
            return f"It is over since {_at(view, incident.resolved_at)}."
        case _ as unreachable:
            assert_never(unreachable)


def _then(view: View) -> str:
    incident = view.incident
    if incident.deadline_at is None:
        return ""
    return f" If it is not over by {view.clock_and_distance(incident.deadline_at)}, it is told again."


def _yours_still(view: View) -> str:
    return "You need not wait for them." if Action.ACKNOWLEDGE in view.may else "It is theirs as soon as they take it."


def _deadline(view: View) -> str:
    at = view.incident.deadline_at
    return view.clock_and_distance(at) if at is not None else "somebody takes it"


def _at(view: View, at: int | None) -> str:
    return view.clock(at) if at is not None else "a moment ago"
