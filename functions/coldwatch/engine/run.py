"""One evaluation under way: the detector while it changes, and what has come of it so far."""

from dataclasses import replace
from typing import Any

from coldwatch.engine.errors import EvaluationError, Level
from coldwatch.engine.evaluation import Action, ConditionResult, Evaluation, Note, Trigger
from coldwatch.engine.interpreter import evaluate
from coldwatch.engine.model import DetectorModel, Expression
from coldwatch.engine.scope import Scope
from coldwatch.engine.snapshot import Snapshot
from coldwatch.engine.survey import kept
from coldwatch.engine.syntax import InputReference, VariableReference, walk
from coldwatch.engine.values import UNDEFINED


class Run:
    """Everything that changes sits here; the snapshot it began with stays as it was."""

    def __init__(
        self, model: DetectorModel, before: Snapshot, trigger: Trigger, *, key: str | None, now_ms: int
    ) -> None:
        self.model = model
        self.before = before
        self.trigger = trigger
        self.key = key
        self.now_ms = now_ms
        self.state = before.state
        self.variables = dict(before.variables)
        self.timers = dict(before.timers)
        self.cleared = dict(before.cleared)
        self.inputs = dict(before.inputs)
        self.actions: list[Action] = []
        self.notes: list[Note] = []
        self.results: list[ConditionResult] = []
        self.has_transitioned = False
        self.reading: Expression | None = None
        """The expression that was evaluated last: where an action fails, it fails there."""
        self.scope = Scope(
            self.variables,
            self.inputs,
            message_input=trigger.input_name,
            expired=frozenset(name for name, timer in before.timers.items() if timer.is_expired),
        )

    def value(self, expression: Expression) -> Any:
        """The value of an expression that has to have one; raises EvaluationError where it is undefined."""
        self.reading = expression
        value = evaluate(expression.node, self.scope)
        if value is UNDEFINED:
            raise EvaluationError(undefined_reason(expression, self.scope))
        return value

    def holds(self, condition: Expression | None, event_name: str) -> bool:
        """Only `true` holds: an undefined, failing or non-Boolean condition does not, and is noted."""
        if condition is None:
            return True
        try:
            value = evaluate(condition.node, self.scope)
        except EvaluationError as error:
            self.note(Level.WARNING, event_name, error, condition)
            return False
        if value is UNDEFINED:
            self.note(Level.INFO, event_name, EvaluationError(undefined_reason(condition, self.scope)), condition)
        return value is True

    def note(
        self,
        level: Level,
        event_name: str,
        error: EvaluationError,
        expression: Expression | None = None,
        *,
        path: str | None = None,
    ) -> None:
        source = None if expression is None else expression.source
        place = path or ("" if expression is None else expression.path)
        self.notes.append(Note(level, place, event_name, error.message, source, error.span))

    def finished(self, before: Snapshot | None) -> Evaluation:
        """The outcome. Timers that were asked about have told their expiry, unless they were started anew since."""
        for name in self.scope.timers_read:
            timer = self.timers.get(name)
            if timer is not None and timer.is_expired:
                self.timers[name] = replace(timer, is_expired=False, is_read=True)
        after = Snapshot(self.state, self.variables, self.timers, self._remembered(), self.cleared)
        return Evaluation(
            time_ms=self.now_ms,
            key=self.key,
            trigger=self.trigger,
            before=before,
            after=after,
            from_state=self.before.state,
            to_state=self.state,
            actions=tuple(self.actions),
            notes=tuple(self.notes),
            results=tuple(self.results),
            has_transitioned=self.has_transitioned,
        )

    def _remembered(self) -> dict[str, Any]:
        paths = self.model.remembered
        return {name: kept(payload, paths[name]) for name, payload in self.inputs.items() if name in paths}


def undefined_reason(expression: Expression, scope: Scope) -> str:
    """Which of its references lead nowhere."""
    missing = [
        expression.source[node.span.start : node.span.end]
        for node in walk(expression.node)
        if isinstance(node, InputReference | VariableReference) and evaluate(node, scope) is UNDEFINED
    ]
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(missing))
    return f"{names} is not there" if names else "the expression is undefined"
