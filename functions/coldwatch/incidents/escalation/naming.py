"""Whom policies and rotas name, and where; and whom of them nobody knows. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coldwatch.incidents.contacts import ContactFinding, FindingKind
from coldwatch.incidents.escalation.rota import Rota, RotaError
from coldwatch.incidents.policy import EscalationPolicy, PolicyError


@dataclass(frozen=True, slots=True)
class Named:
    """A contact, or a rota, that is to be told. `place` begins with what names it: `policy default, plan x, tier 1`."""

    place: str
    contact: str | None = None
    rota: str | None = None


def named_by_policy(policy: EscalationPolicy) -> Iterator[Named]:
    """Once for each tier that names somebody, however many rules have its plan."""
    yield from dict.fromkeys(
        Named(f"policy {policy.policy_id}, {_plan(plan.plan_name)}tier {number}", each.contact, each.rota)
        for plan in policy.plans
        for number, tier in enumerate(plan.tiers, start=1)
        for each in tier.responders
    )


def named_by_rota(rota: Rota, *, now_ms: int) -> Iterator[Named]:
    """An override that is over names nobody any more."""
    standing_in = (each.contact for each in rota.overrides if each.until_ms > now_ms)
    taking_turns = (each for layer in rota.layers for each in layer.participants)
    yield from dict.fromkeys(Named(f"rota {rota.rota_id}", each) for each in (*taking_turns, *standing_in))


def find_unknown(named: Iterable[Named], contacts: Iterable[str], rotas: Iterable[str]) -> list[ContactFinding]:
    """A finding for each place that names a contact or a rota that is not there."""
    known = {None, *contacts}, {None, *rotas}
    return [
        _unknown(each.place, f"contact {each.contact}" if each.contact else f"rota {each.rota}")
        for each in named
        if each.contact not in known[0] or each.rota not in known[1]
    ]


def find_unreadable(documents: Iterable[EscalationPolicy | PolicyError | Rota | RotaError]) -> list[ContactFinding]:
    """Of what somebody has written past the commands: whom it names nobody can say."""
    return [
        ContactFinding(
            FindingKind.UNREADABLE, str(each).partition(":")[0], f"Nobody is told by what cannot be read: {each}."
        )
        for each in documents
        if isinstance(each, (PolicyError, RotaError))
    ]


def _unknown(place: str, who: str) -> ContactFinding:
    sentence = f"{place} names {who}, and there is none: nobody is told there. Add it, or put another version in force."
    return ContactFinding(FindingKind.UNKNOWN, place.partition(",")[0], sentence[0].upper() + sentence[1:])


def _plan(name: str) -> str:
    return f"plan {name}, " if name else ""
