"""What this reader may do: the one great button, and the rest folded away. Plain forms; nothing needs a script.

Each form carries the link's secret in its body, and what it asks for; its address says nothing.
"""

from coldwatch.incidents.answering import RATING, Action
from coldwatch.incidents.incident import Disposition, Incident, Status
from coldwatch.incidents.pages.choices import CAUSES, DISPOSITIONS, snoozes
from coldwatch.incidents.pages.document import text
from coldwatch.incidents.pages.times import lasting
from coldwatch.incidents.pages.view import View

MOST_NOTE = 500


def primary(view: View) -> str:
    """The button that is meant to be pressed without looking twice."""
    if Action.ACKNOWLEDGE not in view.may:
        return ""
    label = "I take it up again" if view.incident.status is Status.SNOOZED else "I have it"
    button = f'<button class="main" name="action" value="acknowledge">{label}</button>'
    return _form(view, Action.ACKNOWLEDGE, "", button)


def others(view: View) -> str:
    """Everything else that may be done, one fold each; open where it is the next thing to do, or was done wrong."""
    folds = [
        _fold("It is over", _resolve(view), is_open=_is_resolving(view)) if Action.RESOLVE in view.may else "",
        _fold("Not now: put it off", _snooze(view))
        if Action.SNOOZE in view.may and snoozes(view.incident.plan)
        else "",
        _fold("Call the next ones", _escalate(view)) if Action.ESCALATE in view.may else "",
        _fold("Send a command", _command(view)) if Action.COMMAND in view.may and view.incident.plan.commands else "",
        _fold("Was it useful?", _rating(view)) if _may_rate(view) and not _is_over(view) else "",
    ]
    shown = "".join(folds)
    return f'<section class="acts"><h2>What you can do</h2>{shown}</section>' if shown else ""


def feedback(view: View) -> str:
    """Asked once it is over: alarms that nobody needed are what makes people sleep through the next one.

    Before that it may be said as well, and stays folded: whoever has it has other things to do.
    """
    if not _is_over(view) or not _may_rate(view):
        return ""
    return f"<section><h2>Was it useful to be told?</h2>{_rating(view)}</section>"


def _is_over(view: View) -> bool:
    return view.incident.status is Status.RESOLVED


def _may_rate(view: View) -> bool:
    return bool(RATING & view.may)


def _is_resolving(view: View) -> bool:
    return view.fault is not None or view.incident.status is Status.ACKNOWLEDGED


def _fold(label: str, inside: str, *, is_open: bool = False) -> str:
    return f"<details{' open' if is_open else ''}><summary>{label}</summary>{inside}</details>"


def _resolve(view: View) -> str:
    fault = f'<p class="fault" id="fault" role="alert">{text(view.fault)}</p>' if view.fault else ""
    marks = ' aria-invalid="true" aria-describedby="fault"' if view.fault else ""
    note = text((view.asked.note if view.fault and view.asked else None) or "")
    fields = (
        f'{_warning(view.incident)}{fault}<label for="cause">What was it?</label>'
        f'<select id="cause" name="cause" required{marks}><option value="">Choose</option>{_options(CAUSES)}</select>'
        '<label for="disposition">What becomes of the goods?</label>'
        f'<select id="disposition" name="disposition">{_options(DISPOSITIONS, Disposition.UNDECIDED)}</select>'
        '<label for="note">What was done? <span class="hint">(may stay empty)</span></label>'
        f'<textarea id="note" name="note" maxlength="{MOST_NOTE}">{note}</textarea>'
    )
    return _form(view, Action.RESOLVE, fields, '<button class="main">It is over</button>')


def _snooze(view: View) -> str:
    """One press: the time is on the button."""
    buttons = "".join(
        f'<button name="snooze_s" value="{seconds}">{lasting(seconds)}</button>'
        for seconds in snoozes(view.incident.plan)
    )
    hint = '<p class="hint">Nobody is told until then. If it is not over by then, you are told again.</p>'
    return _form(view, Action.SNOOZE, hint, f'<div class="row">{buttons}</div>')


def _rating(view: View) -> str:
    buttons = (
        '<div class="row"><button name="action" value="useful">Yes, it was</button>'
        '<button name="action" value="not_useful">No, it was not</button></div>'
    )
    return _form(view, None, "", buttons)


def _escalate(view: View) -> str:
    hint = f'<p class="hint">Told at once, without waiting: {text(view.asked_next())}.</p>'
    return _form(view, Action.ESCALATE, hint, "<button>Tell them now</button>")


def _command(view: View) -> str:
    buttons = "".join(
        f'<button name="command" value="{text(name)}">{text(name.replace("_", " "))}</button>'
        for name in view.incident.plan.commands
    )
    revision = f'<input type="hidden" name="revision" value="{view.incident.revision}">'
    hint = f'<p class="hint">Sent to {text(view.incident.device_id)} at once, and once only.</p>{revision}'
    return _form(view, Action.COMMAND, hint, f'<div class="row">{buttons}</div>')


def _warning(incident: Incident) -> str:
    """A detector that has not recovered opens nothing new: who closes its incident too early should know that."""
    if not incident.is_unrecovered:
        return ""
    return (
        "<p>No recovery has been seen yet. Once you say that it is over, nobody is told of it again, "
        "unless it recovers and goes wrong anew.</p>"
    )


def _options[Choice: str](choices: dict[Choice, str], chosen: Choice | None = None) -> str:
    return "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{label}</option>'
        for value, label in choices.items()
    )


def _form(view: View, action: Action | None, fields: str, buttons: str) -> str:
    """Where `action` is None, or the button's own, the button says what is asked for."""
    is_said = action is None or 'name="action"' in buttons
    hidden = "" if is_said else f'<input type="hidden" name="action" value="{action}">'
    return (
        f'<form method="post" action="{view.root}act" autocomplete="off">'
        f'<input type="hidden" name="link" value="{text(view.secret)}">{hidden}{fields}{buttons}</form>'
    )
