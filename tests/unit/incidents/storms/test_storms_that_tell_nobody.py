"""Where a policy has no plan for storms: nobody is silenced by what nobody is told of."""

from dataclasses import replace

from coldwatch.incidents.incident import Incident, Severity
from coldwatch.incidents.policy import EscalationPolicy, Rule, Tier
from tests.unit.incidents.builders import NOW, is_, plan
from tests.unit.incidents.storms.builders import SECOND, device, opens, storm_world
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.telling import GATEWAY, generous, told
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork


def world_of(*rules: Rule) -> StormWorld:
    here = generous(storm_world())
    here.directory.policies = {"default": EscalationPolicy("default", "1", rules)}
    return here


def rule(kind: str, *contacts: str) -> Rule:
    own = plan(Tier(contacts, 300), commands=("defrost",)) if contacts else plan(tiers=())
    return Rule({"kind": frozenset({kind})}, dict.fromkeys(Severity, own))


def behind_one_gateway(clock: Clockwork, count: int, model: str) -> list[Incident]:
    names = [device(clock.here, n, gateway=GATEWAY, site=None) for n in range(count)]
    return [opens(clock.here, name, at=clock.now, model=model) for name in names]


def test_a_storm_that_no_rule_is_about_is_told_as_its_gravest_incident_would_be() -> None:
    clock = Clockwork(world_of(rule("too_warm", "ben"), rule("shock", "ana")), NOW, started_ms=MINUTE)
    behind_one_gateway(clock, 2, "shock")

    opens(clock.here, device(clock.here, 7, gateway=GATEWAY, site=None), at=NOW)
    clock.run_until(NOW + 10 * MINUTE)

    (storm,) = clock.here.storm_incidents()
    assert {each.contact_id for each in clock.here.channel.sent} == {"ben"}
    assert told(clock.here, storm) == len(clock.here.channel.sent) > 0
    assert is_(clock.here, storm).plan.commands == (), "there is no device to send them to"


def test_that_no_rule_is_about_it_is_said_to_the_operators_and_on_its_timeline() -> None:
    clock = Clockwork(world_of(rule("too_warm", "ben")), NOW, started_ms=MINUTE)

    behind_one_gateway(clock, 3, "sustained_excursion_high")

    (storm,) = clock.here.storm_incidents()
    opened = clock.here.incidents.timeline(storm.incident_id)[0].what
    assert clock.here.complaints == ["No rule of policy default holds for it: nobody is told."]
    assert opened.endswith(f"{clock.here.complaints[0]} In place of that it is told as its gravest incident would be.")


def test_a_storm_of_what_nobody_hears_is_told_once_something_comes_that_somebody_does() -> None:
    clock = Clockwork(world_of(rule("too_warm", "ben")), NOW)
    behind_one_gateway(clock, 3, "shock")
    clock.run_until(NOW + MINUTE)
    assert clock.here.channel.sent == []

    opens(clock.here, device(clock.here, 7, gateway=GATEWAY, site=None), at=clock.now)
    clock.run_until(clock.now + SECOND)

    (storm,) = clock.here.storm_incidents()
    assert [each.contact_id for each in clock.here.channel.sent] == ["ben"] * told(clock.here, storm)


def test_whoever_somebody_is_to_be_told_of_is_not_silenced_by_a_storm_that_tells_nobody() -> None:
    clock = Clockwork(world_of(rule("too_warm", "ben")), NOW, started_ms=MINUTE)
    made = behind_one_gateway(clock, 3, "sustained_excursion_high")
    (storm,) = clock.here.storm_incidents()
    untold = replace(is_(clock.here, storm), plan=replace(storm.plan, tiers=()))
    clock.here.incidents.incidents[storm.incident_id] = untold

    clock.run_until(NOW + 2 * MINUTE)

    assert [told(clock.here, each) for each in made] == [1, 1, 1]
