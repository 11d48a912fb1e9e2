"""Who would be told when, if an incident opened at an instant and nobody ever answered."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from coldwatch.incidents.escalation.calling import Called, call
from coldwatch.incidents.policy import Plan, step_of
from coldwatch.incidents.ports import Rotas


@dataclass(frozen=True, slots=True)
class Telling:
    """One step of a plan. `loop` counts from 1; None where only the last tier is left, again and again.

    `missing` are contacts and rotas that nobody can be told by, each with a sentence; where nobody else is in the tier
    and there is another, `wait_s` is 0: the next one is told at once.
    """

    at_ms: int
    offset_s: int
    loop: int | None
    tier: int
    called: tuple[Called, ...]
    missing: Mapping[str, str]
    wait_s: int


def forecast(
    plan: Plan, rotas: Rotas, *, opened_at: int, why_not: Callable[[str], str | None] = lambda _contact: None
) -> Iterator[Telling]:
    """All first steps and the first of the later ones, which are alike. `why_not` says why a contact is not reached."""
    offset_s = plan.hold_down_s
    for number in range(1, plan.first_steps + 2):
        step, at_ms = step_of(plan, number), opened_at + offset_s * 1000
        calls = call(step.responders, rotas, at_ms=at_ms)
        told = tuple(each for each in calls.called if why_not(each.contact_id) is None)
        missing = {f"rota {rota_id}": why for rota_id, why in calls.missing.items()}
        missing |= {each.contact_id: why for each in calls.called if (why := why_not(each.contact_id))}
        wait_s = step.wait_s if told or not step.has_next_tier else 0
        loop = (number - 1) // len(plan.tiers) + 1 if number <= plan.first_steps else None
        yield Telling(at_ms, offset_s, loop, step.tier, told, missing, wait_s)
        offset_s += wait_s
