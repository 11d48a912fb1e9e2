"""Effects, plans and incidents, as tests need them."""

from dataclasses import replace
from typing import Any

from coldwatch.incidents.answering import Action, Answer, Asked, act, act_as_operator
from coldwatch.incidents.effects import IncidentEffect
from coldwatch.incidents.incident import Incident, Severity, Status
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.policy import AutoResolve, Plan, Tier, by_severity, step_of
from coldwatch.incidents.ports import Device, IncidentForm
from coldwatch.incidents.telling import Round, Told, tell
from tests.unit.incidents.fakes import Course, World

NOW = 1_767_225_600_000
MINUTE = 60_000
FRIDGE = "acme-fridge-0001"
HIGH, SILENCE = "sustained_excursion_high", "device_silence"
PROFILE = {"name": "default", "version": 1, "high_c": 8.0, "high_is_inclusive": False, "low_c": 0.0}
FORMS = {
    HIGH: IncidentForm("too_warm", Severity.CRITICAL, "Too warm"),
    SILENCE: IncidentForm("silent", Severity.WARNING, "Silent"),
    "shock": IncidentForm("shock", Severity.WARNING, "Shock"),
}
ANA_THEN_BEN = (Tier(("ana",), 60), Tier(("ben", "cem"), 120))


def plan(*tiers: Tier, **changes: Any) -> Plan:
    made = Plan(
        tiers=tiers or ANA_THEN_BEN,
        rounds=2,
        repeat_every_s=600,
        resolve_within_s=900,
        auto_resolve=AutoResolve.ACKNOWLEDGED,
        policy_id="default",
        policy_version="1",
    )
    return replace(made, **changes)


def effect(effect_id: str = "e1", **changes: Any) -> IncidentEffect:
    known: dict[str, Any] = {
        "effect_id": effect_id,
        "detector_model": HIGH,
        "key": FRIDGE,
        "device_id": FRIDGE,
        "application": "coldchain",
        "occurred_at": NOW,
        "clock": "event",
        "event_name": "Too warm",
        "profile": PROFILE,
        "began_at": NOW - 5 * MINUTE,
    }
    return IncidentEffect(**{**known, **changes})


def incident(**changes: Any) -> Incident:
    made = Incident(
        incident_id="5whtkc85ncd62yfbjh1pj114pj",
        detector_model=HIGH,
        key=FRIDGE,
        device_id=FRIDGE,
        thing_type="fridge",
        fleet_id="acme",
        application="coldchain",
        kind="too_warm",
        severity=Severity.CRITICAL,
        title="Too warm",
        status=Status.OPEN,
        began_at=NOW - 5 * MINUTE,
        opened_at=NOW,
        occurrence="e1",
        clock="event",
        excursion_at=NOW,
        profile=PROFILE,
        plan=plan(),
    )
    return replace(made, **changes)


def world(**changes: Any) -> World:
    """A fridge, its policy, and three people who can be reached."""
    made = World(forms=dict(FORMS))
    made.directory.devices[FRIDGE] = Device(FRIDGE, "acme", "fridge", "coldchain", {"site": "Basel"})
    own = plan(**changes)
    plans = {Severity.CRITICAL: own, Severity.WARNING: own}
    made.directory.policies["default"] = by_severity("default", "1", plans)
    made.directory.names |= {"ana": "Ana", "ben": "Ben", "cem": "Cem"}
    return made


def opened(here: World, made: IncidentEffect | None = None, *, now_ms: int = NOW) -> Incident:
    return open_incident(made or effect(), here.opening(), now_ms=now_ms).incident


def told(here: World, of: Incident, number: int, *, step: int | None = None, now_ms: int = NOW) -> Told:
    """Run the notifier for a round, with a token that waits; `secrets` are then those of `World.random_bytes`."""
    token = f"token-{number}"
    here.waiting.open_tokens.add(token)
    wait_s = step_of(of.plan, step or number).wait_s
    asked = Round(of.incident_id, number, step or number, token, wait_s=wait_s)
    return tell(asked, here.telling(), now_ms=now_ms)


def secret_in(text: str) -> str:
    """The secret of the link in a message."""
    (line,) = [line for line in text.splitlines() if line.startswith("https://")]
    return line.rpartition("/")[2]


def secret_of(here: World, contact_id: str, number: int = -1) -> str:
    """The secret that a contact was sent, last or by number."""
    return secret_in([each.text for each in here.channel.sent if each.contact_id == contact_id][number])


def is_(here: World, of: Incident) -> Incident:
    """The incident as it is now."""
    return here.incidents.incidents[of.incident_id]


def pressed(
    here: World, secret: str, action: Action | Asked, *, now_ms: int = NOW, course: Course | None = None
) -> Answer:
    """What the button behind a link answers."""
    watch = (course or Course()).watch
    return act(
        secret,
        action if isinstance(action, Asked) else Asked(action),
        incidents=watch(here.incidents),
        links=watch(here.links),
        roster=watch(here.directory),
        waiting=watch(here.waiting),
        commands=watch(here.commands),
        now_ms=now_ms,
    )


def operated(here: World, of: Incident, action: Action | Asked, who: str = "op", *, now_ms: int = NOW) -> Answer:
    asked = action if isinstance(action, Asked) else Asked(action)
    return act_as_operator(
        of.incident_id, asked, who=who, incidents=here.incidents, waiting=here.waiting, now_ms=now_ms
    )
