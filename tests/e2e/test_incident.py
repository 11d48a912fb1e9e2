"""The one-minute story through the real thing: an excursion becomes an incident that somebody answers by a link."""

import urllib.parse
from collections.abc import Iterator

import pytest

from local.demo.responders import Button, press
from simulator.api import Fleet
from tests.conftest import Cloud
from tests.e2e.duty import (
    COOL,
    HOT,
    STATE,
    STATE_AND_ATTEMPTS,
    Duty,
    Readings,
    all_but_others,
    at_rest,
    everything,
    fetch,
    post,
)
from tests.e2e.killing import killing_at_work

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def duty(cloud: Cloud) -> Duty:
    """Ana is told first, then Ben."""
    duty = Duty(cloud, "duty")
    ana, ben = duty.responder("ana"), duty.responder("ben")
    duty.policy((ana, 60), (ben, 300))
    return duty


@pytest.fixture(scope="module")
def fridges(cloud: Cloud) -> Iterator[Fleet]:
    serials = [f"DUTY{number}" for number in range(1, 10)]
    with cloud.provision(*serials, fleet="duty", is_watched=True) as fleet:
        yield fleet


def readings(fridges: Fleet, number: int) -> Readings:
    return Readings(fridges, f"duty-fridge-DUTY{number}")


def test_an_excursion_is_told_acknowledged_by_link_recovers_and_is_resolved(duty: Duty, fridges: Fleet) -> None:
    fridge = readings(fridges, 1)
    fridge.publish(*COOL, *HOT)
    page = duty.page(fridge.thing)

    before = at_rest(duty.cloud, fridge.thing, *STATE_AND_ATTEMPTS)
    for method in ("GET", "HEAD") * 50:
        assert fetch(page.link, method)[0] == 200
    assert all_but_others(duty.cloud, fridge.thing, *STATE_AND_ATTEMPTS) == before, "looking changes nothing"

    assert "Ana" in press(page.link)
    taken = duty.incident(fridge.thing, "ACKNOWLEDGED")
    fridge.publish(*COOL)
    over = duty.incident(fridge.thing, "RESOLVED")

    assert (taken["acknowledged_by"], taken["tier"]) == ("duty-ana", 1)
    assert over["incident_id"] == taken["incident_id"]
    assert [each.contact_id for each in duty.pages(fridge.thing)] == ["duty-ana"]
    told = [event["type"] for event in duty.run("incidents", "show", over["incident_id"])["timeline"]]
    assert [each for each in told if each in {"opened", "paged", "acknowledged", "recovered", "resolved", "recorded"}][
        :5
    ] == ["opened", "paged", "acknowledged", "recovered", "resolved"]


def test_what_nobody_acknowledges_goes_on_to_the_next_tier_and_an_old_link_acts_no_more(
    duty: Duty, fridges: Fleet
) -> None:
    fridge = readings(fridges, 2)
    duty.policy(("duty-ana", 4), ("duty-ben", 300))
    fridge.publish(*HOT)
    first, second = duty.page(fridge.thing), duty.page(fridge.thing, number=2)
    duty.policy(("duty-ana", 60), ("duty-ben", 300))
    before = at_rest(duty.cloud, fridge.thing, *STATE)

    answer = press_whatever(first.link, second.link)

    assert (first.contact_id, second.contact_id) == ("duty-ana", "duty-ben")
    assert "Ben" in answer
    assert all_but_others(duty.cloud, fridge.thing, *STATE) == before, "too late changes nothing"
    press(second.link)
    assert duty.incident(fridge.thing, "ACKNOWLEDGED")["acknowledged_by"] == "duty-ben"
    duty.run("incidents", "resolve", duty.incidents(fridge.thing)[0]["incident_id"], "--note", "test")


def press_whatever(link: str, model: str) -> str:
    """Send what another link's button would send, in this link's name: an old page may still be open in a browser."""
    button = Button.of(fetch(model)[1])
    secret, theirs = link.rpartition("/")[2], model.rpartition("/")[2]
    fields = {name: secret if value == theirs else value for name, value in button.fields.items()}
    return post(urllib.parse.urljoin(link, button.action), fields)[1]


def test_every_other_answer_has_its_page_and_changes_nothing(duty: Duty, fridges: Fleet) -> None:
    fridge = readings(fridges, 3)
    duty.policy(("duty-ana", 60), ("duty-ben", 300), tiers=[two := both("duty-ana", "duty-ben")])
    assert two["contacts"] == ["duty-ana", "duty-ben"]
    fridge.publish(*HOT)
    ana, ben = sorted((duty.page(fridge.thing), duty.page(fridge.thing, number=2)), key=lambda page: page.contact_id)
    duty.policy(("duty-ana", 60), ("duty-ben", 300))
    act, fields = act_of(ana.link)
    press(ana.link)
    incident = duty.incident(fridge.thing, "ACKNOWLEDGED")
    before = at_rest(duty.cloud, fridge.thing, *STATE)

    again = post(act, fields)
    second = post(act, fields | {"link": secret_of(ben.link)})
    forged = post(act, fields | {"link": "a" * 26})
    strange = post(act, fields | {"link": "../../etc/passwd"})
    foreign = post(act, fields, Origin="https://evil.example", Sec_Fetch_Site="cross-site")
    nowhere = fetch(act, "POST", b"link=x&action=acknowledge")
    bare = post(act, fields, Content_Type="application/json")

    assert all_but_others(duty.cloud, fridge.thing, *STATE) == before, "none of these changes anything"
    assert "Ana" in again[1]
    assert "Ana" in second[1]
    assert forged[0] == strange[0] == 404
    assert forged[1] == strange[1], "unknown and forged look the same"
    assert (foreign[0], nowhere[0], bare[0]) == (403, 403, 415)
    duty.run("incidents", "resolve", incident["incident_id"], "--note", "test")
    before = at_rest(duty.cloud, fridge.thing, *STATE)
    assert "esolved" in post(act, fields)[1]
    assert "esolved" in fetch(ben.link)[1]
    assert all_but_others(duty.cloud, fridge.thing, *STATE) == before


def both(*contacts: str) -> dict[str, object]:
    return {"contacts": list(contacts), "acknowledge_within_s": 60}


def secret_of(link: str) -> str:
    return link.rpartition("/")[2]


def act_of(link: str) -> tuple[str, dict[str, str]]:
    """Where a page's button posts to, and what."""
    button = Button.of(fetch(link)[1])
    return urllib.parse.urljoin(link, button.action), button.fields


def test_no_log_and_no_execution_history_holds_a_link(duty: Duty, fridges: Fleet) -> None:
    fridge = readings(fridges, 4)
    fridge.publish(*HOT)
    page = duty.page(fridge.thing)
    press(page.link)
    incident = duty.incident(fridge.thing, "ACKNOWLEDGED")

    duty.run("incidents", "resolve", incident["incident_id"], "--note", "test")

    secret = secret_of(page.link)
    workflow = duty.cloud.client("stepfunctions")
    machine = duty.cloud.output("IncidentStateMachineArn").replace(":stateMachine:", ":execution:")
    history = workflow.get_execution_history(executionArn=f"{machine}:{incident['incident_id']}", maxResults=1000)
    assert history["events"]
    assert secret not in str(history)
    assert secret not in duty.cloud.places.log.read_text(errors="replace")
    assert secret not in str(logged(duty.cloud))
    assert secret not in str(everything(duty.cloud, *STATE_AND_ATTEMPTS))


def logged(cloud: Cloud) -> list[str]:
    logs = cloud.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return [
        event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group).get("events", [])
    ]


EFFECT_RETURNS_WITHIN_S = 240
"""An effect whose function died is seen again after the queue's visibility time-out of 120 s."""

KILLED = {"EvaluateDetectors": 6, "RunEffects": 7, "OpenIncident": 8, "NotifyTier": 9}
"""Each function with the fridge that its test uses."""


@pytest.fixture(scope="module")
def warm(duty: Duty, fridges: Fleet) -> None:
    """Every function of the path has its process, which waits for the next event; what other tests left for the
    functions to do is done.
    """
    fridge = readings(fridges, 5)
    fridge.publish(*HOT)
    press(duty.page(fridge.thing, within_s=EFFECT_RETURNS_WITHIN_S).link)
    duty.run("incidents", "resolve", duty.incident(fridge.thing, "ACKNOWLEDGED")["incident_id"], "--note", "test")


@pytest.mark.long
@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("function", KILLED)
def test_a_function_killed_in_the_middle_of_its_work_loses_and_doubles_nothing(
    duty: Duty, fridges: Fleet, figures: list[str], function: str
) -> None:
    """Killed twice while it works; then it may finish.

    One message may be sent a second time, and only if the notifier dies between SNS's acceptance and its own mark.
    """
    cleo = duty.responder(f"cleo-{function.lower()}")  # somebody new: what one is sent has its bound
    duty.policy((cleo, 300))
    fridge = readings(fridges, KILLED[function])
    with killing_at_work(duty.cloud, f"{function}Function", times=2) as kills:
        fridge.publish(*HOT)
        duty.cloud.wait_for(
            f"{function} was killed",
            lambda: len(kills) >= 2 or bool(duty.pages(fridge.thing)) or None,
            within_s=EFFECT_RETURNS_WITHIN_S,
        )
    duty.page(fridge.thing, within_s=EFFECT_RETURNS_WITHIN_S)
    incident = duty.incident(fridge.thing, "OPEN")
    at_rest(duty.cloud, fridge.thing, *STATE)

    story = duty.run("incidents", "show", incident["incident_id"])
    duty.run("incidents", "resolve", incident["incident_id"], "--note", f"{function} killed {len(kills)} times")

    messages = [page.contact_id for page in duty.pages(fridge.thing)]
    assert kills, "it was killed while it worked"
    assert [(each["contact_id"], each["round"]) for each in story["pages"]] == [(cleo, 1)]
    assert set(messages) == {cleo}
    assert len(messages) <= (1 + len(kills) if function == "NotifyTier" else 1)
    figures.append(f"{function} killed {len(kills)} times: one incident, {len(messages)} message")
