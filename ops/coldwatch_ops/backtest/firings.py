"""From what happened to firings: when a detector would have told somebody, and until when there was reason to.

A detector model has no word for an alarm. But it has a *calm* part: the initial state, and every state that it can be
in before it has acted. A firing begins with an action, and lasts until the detector is back in the calm part; what it
does meanwhile, such as to tell again or to tell that all is well, belongs to it. An action of a calm state, such as one
that passes readings on, is a firing of a moment.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from coldwatch.engine.model import DetectorModel, ExternalAction, ModelEvent, State, TransitionEvent
from coldwatch_ops.backtest.evaluating import Happening


@dataclass(frozen=True, slots=True)
class Firing:
    """`event` and `state` are those with which it began. `actions` counts what was done until it was over, not what
    told of the end. `ended_at` None: there was none.
    """

    candidate: int
    key: str | None
    fired_at: int
    ended_at: int | None
    state: str
    event: str
    actions: int
    began_at: int | None = None

    def lasted_ms(self, until_ms: int) -> int:
        """Up to the end of the telemetry where it had none."""
        return (until_ms if self.ended_at is None else self.ended_at) - self.fired_at

    @property
    def order(self) -> tuple[int, str, int]:
        return self.candidate, self.key or "", self.fired_at


def calm_states(model: DetectorModel) -> frozenset[str]:
    calm = {model.initial_state}
    waiting = [model.initial_state]
    while waiting:
        state = model.states[waiting.pop()]
        for transition in state.transitions:
            target = model.states[transition.next_state]
            if target.name not in calm and _is_silent(state, transition, target):
                calm.add(target.name)
                waiting.append(target.name)
    return frozenset(calm)


def _is_silent(state: State, transition: TransitionEvent, target: State) -> bool:
    """Whether it leads on without an action, to a state that does none by itself."""
    return not any(map(_acts, (transition, *state.on_exit, *target.on_enter, *target.on_input)))


def _acts(event: ModelEvent) -> bool:
    return any(isinstance(action, ExternalAction) for action in event.actions)


class Firings:
    """Those of one candidate, put together from what happens to its detectors, in order for each of them."""

    def __init__(self, candidate: int, model: DetectorModel) -> None:
        self._candidate = candidate
        self._calm = calm_states(model)
        self._open: dict[str | None, Firing] = {}
        self._over: list[Firing] = []

    def add(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            self._add(happening)

    def _add(self, happening: Happening) -> None:
        key = happening.key
        firing = self._open.get(key)
        if firing is None:
            if not happening.actions:
                return
            firing = self._begun(happening)
        elif happening.to_state not in self._calm:
            firing = replace(firing, actions=firing.actions + len(happening.actions))
        if happening.to_state in self._calm:
            self._over.append(replace(firing, ended_at=happening.time_ms))
            self._open.pop(key, None)
        else:
            self._open[key] = firing

    def _begun(self, happening: Happening) -> Firing:
        return Firing(
            candidate=self._candidate,
            key=happening.key,
            fired_at=happening.time_ms,
            ended_at=None,
            state=happening.to_state,
            event=happening.actions[0],
            actions=len(happening.actions),
            began_at=happening.began_at,
        )

    def all(self) -> Iterator[Firing]:
        yield from self._over
        yield from self._open.values()


def by_candidate(firings: Iterable[Firing], count: int) -> Mapping[int, list[Firing]]:
    found: dict[int, list[Firing]] = {number: [] for number in range(count)}
    for firing in firings:
        found[firing.candidate].append(firing)
    return found
