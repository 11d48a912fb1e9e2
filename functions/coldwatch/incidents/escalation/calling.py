"""Whom a tier calls, at the instant at which its round begins: its contacts, and those whom its rotas name then."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from coldwatch.incidents.escalation.rota import RotaError, on_call
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.policy import Responder, step_of
from coldwatch.incidents.ports import Rotas


@dataclass(frozen=True, slots=True)
class Called:
    """`channels` are those that may be used, none for the contact's own; `rota_id` where a rota named the contact."""

    contact_id: str
    channels: tuple[str, ...] = ()
    rota_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Each contact once. `missing` are the rotas that name nobody, each with a sentence that says why."""

    called: tuple[Called, ...]
    missing: Mapping[str, str]


def call(responders: Iterable[Responder], rotas: Rotas, *, at_ms: int) -> Call:
    called: dict[str, Called] = {}
    missing: dict[str, str] = {}
    for responder in responders:
        contacts, why_not = _named(responder, rotas, at_ms)
        if why_not and responder.rota:
            missing[responder.rota] = why_not
        for contact in contacts:
            found = Called(contact, responder.channels, responder.rota)
            called[contact] = _both(called[contact], found) if contact in called else found
    return Call(tuple(called.values()), missing)


def round_began_at(incident: Incident) -> int:
    """So that a round that is resumed calls whom it called first, though a hand-over came in between."""
    wait_ms = step_of(incident.plan, incident.step).wait_s * 1000
    return incident.opened_at if incident.deadline_at is None else incident.deadline_at - wait_ms


def _named(responder: Responder, rotas: Rotas, at_ms: int) -> tuple[tuple[str, ...], str]:
    if responder.rota is None:
        return (responder.contact or "",), ""
    try:
        rota = rotas.find(responder.rota)
    except RotaError as error:
        return (), f"Rota {responder.rota} cannot be used: {'; '.join(error.faults)}."
    if rota is None:
        return (), f"There is no rota {responder.rota}."
    contacts = on_call(rota, at_ms)
    return contacts, "" if contacts else f"Nobody is on call in rota {responder.rota}."


def _both(one: Called, other: Called) -> Called:
    """Named twice, a contact may be told by either's channels; by all of its own where one names none."""
    if not one.channels or not other.channels:
        return replace(one, channels=())
    return replace(one, channels=tuple(dict.fromkeys(one.channels + other.channels)))
