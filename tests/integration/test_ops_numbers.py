"""`coldwatch incidents stats` and `coldwatch policy test-pages` against moto."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.incidents import drills, lifecycle
from coldwatch.incidents.incident import Cause, Incident
from coldwatch_ops.errors import NotFoundError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import NOW, deployed, run
from tests.unit.incidents.builders import incident
from tests.unit.ops.telling import text_of

MINUTE = 60_000
PLAN = {
    "tiers": [{"contacts": ["ana", "ben"], "acknowledge_within_s": 300}],
    "rounds": 1,
    "repeat_every_s": 600,
    "resolve_within_s": 900,
    "auto_resolve": "acknowledged",
}
POLICY = {"policy_id": "default", "version": "1", "severities": {"critical": PLAN, "warning": PLAN}}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def store(stack: Stack) -> DynamoIncidentStore:
    return DynamoIncidentStore(stack.clients.dynamodb_client, stack.output("IncidentTableName"))


def opened(stack: Stack, number: int, **changes: Any) -> Incident:
    at = NOW - number * 60 * MINUTE
    made = incident(incident_id=f"i{number}", key=f"k{number}", opened_at=at, began_at=at, **changes)
    assert store(stack).open(made, lifecycle.opened(made, "Too warm."))
    return made


def closed(stack: Stack, number: int, *, cause: Cause | None = None, **changes: Any) -> Incident:
    """Taken after a minute, over after ten."""
    made = opened(stack, number, **changes)
    taken = lifecycle.acknowledge(made, who="ana", note=None, now_ms=made.opened_at + MINUTE)
    assert taken
    assert store(stack).apply(taken)
    now_ms = made.opened_at + 10 * MINUTE
    over = lifecycle.resolve(taken.after, who="ana", resolution="mended", note=None, now_ms=now_ms, cause=cause)
    assert over
    assert store(stack).apply(over)
    return over.after


def test_numbers_are_of_what_is_over_and_it_says_what_it_leaves_out(stack: Stack) -> None:
    closed(stack, 1, cause=Cause.DOOR_LEFT_OPEN)
    closed(stack, 2, cause=Cause.FALSE_ALARM, detector_model="shock")
    closed(stack, 3, kind="test")
    opened(stack, 4)

    answer = run(stack, "incidents", "stats")

    everything = answer.document["all"]
    assert everything["incidents"] == 2
    assert everything["to_acknowledge"]["median"] == MINUTE
    assert everything["to_resolve"]["longest"] == 10 * MINUTE
    assert everything["in_time"] == {"rate": 1.0, "part": 2, "whole": 2}
    assert everything["false_alarms"]["rate"] == 0.5
    assert answer.document["by_model"]["shock"]["false_alarms"]["rate"] == 1.0
    assert answer.document["left_out"] == {"test": 1, "not_over": 1}
    told = text_of(answer)
    assert "2 incidents counted." in told
    assert "Left out: 1, a test." in told
    assert "100% (2 of 2)" in told


@pytest.mark.parametrize(
    ("words", "incidents"),
    [
        (("--model", "shock"), 1),
        (("--fleet", "north"), 1),
        (("--since", "150m"), 2),
        (("--model", "nobody"), 0),
    ],
)
def test_numbers_are_narrowed(stack: Stack, words: tuple[str, ...], incidents: int) -> None:
    closed(stack, 1)
    closed(stack, 2, detector_model="shock")
    closed(stack, 3, fleet_id="north")

    assert run(stack, "incidents", "stats", *words).document["all"]["incidents"] == incidents


def paged(stack: Stack, contact: str, *, answered: bool) -> None:
    made = incident(
        incident_id=f"test-{contact}", key=f"contact:{contact}", device_id=drills.DEVICE, kind="test", opened_at=NOW
    )
    assert store(stack).open(made, lifecycle.opened(made, "TEST"))
    who, resolution = (contact, "answered") if answered else ("coldwatch", "not answered")
    over = lifecycle.resolve(made, who=who, resolution=resolution, note=None, now_ms=NOW + 5 * MINUTE)
    assert over
    assert store(stack).apply(replace(over))


def test_the_last_test_page_of_each_responder_is_told(stack: Stack) -> None:
    DynamoPolicyStore(stack.clients.dynamodb_client, stack.output("PolicyTableName")).put(POLICY)
    paged(stack, "ana", answered=True)

    answer = run(stack, "policy", "test-pages")
    ana, ben = answer.document["tests"]
    paged(stack, "ben", answered=False)
    later = run(stack, "policy", "test-pages", "default")

    assert (ana["result"], ana["by"], ana["after_s"], ana["policies"]) == ("answered", "ana", 300, ["default"])
    assert (ben["key"], ben["result"]) == ("contact:ben", "not_tested")
    assert answer.exit_code is ExitCode.OK
    assert later.exit_code is ExitCode.FAILED
    assert "2 responders, 1 did not answer the last test page." in text_of(later)


def test_a_policy_that_is_not_there_is_not_found(stack: Stack) -> None:
    with pytest.raises(NotFoundError):
        run(stack, "policy", "test-pages", "nobody")
