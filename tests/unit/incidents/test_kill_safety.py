"""Whoever dies, before or after any call, and is called again: what is left equals a run without faults."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from coldwatch.incidents.answering import Action, Asked
from coldwatch.incidents.awaiting import await_change
from coldwatch.incidents.enrichment import enrich
from coldwatch.incidents.evidence import keep_evidence
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.reconciling import GRACE_MS, hand_over, reconcile
from coldwatch.incidents.recording import record
from coldwatch.incidents.recovery import recover_incident
from coldwatch.incidents.telling import Round, tell
from tests.unit.incidents.builders import FRIDGE, NOW, effect, opened, operated, pressed, secret_of, told, world
from tests.unit.incidents.fakes import Course, Killed, World

READING = {"device_id": FRIDGE, "reading_key": "1", "timestamp": NOW, "temp_c": 9.5}


@dataclass
class Job:
    """`prepare` makes the world before it, `do` is what dies and is called again."""

    prepare: Callable[[World], Any]
    do: Callable[[World, Course], Any]
    rule: str = "always"


def _settled(here: World, action: Action) -> None:
    (incident,) = here.incidents.incidents.values()
    operated(here, incident, action, "op", now_ms=NOW)


def _only(here: World) -> Incident:
    (incident,) = here.incidents.incidents.values()
    return incident


def _tell(here: World, course: Course) -> None:
    here.waiting.open_tokens.add("t")
    tell(Round(_only(here).incident_id, 2, 2, "t", wait_s=120), here.telling(course), now_ms=NOW)


def _await(here: World, course: Course) -> None:
    here.waiting.open_tokens.add("t")
    store, waiting = course.watch(here.incidents), course.watch(here.waiting)
    await_change(_only(here).incident_id, "t", here.standing, store, waiting, now_ms=NOW)


def _recover(here: World, course: Course) -> None:
    recovery = effect("r1", occurred_at=NOW + 5)
    recover_incident(recovery, course.watch(here.incidents), course.watch(here.waiting), now_ms=NOW)


def _recovered_and_acknowledged(here: World) -> None:
    opened(here)
    _recover(here, Course())
    _settled(here, Action.ACKNOWLEDGE)
    here.standing = _only(here).standing


def _over(here: World) -> None:
    opened(here)
    keep_evidence(_only(here).incident_id, here.evidence(), now_ms=NOW)
    _settled(here, Action.RESOLVE)


def _alone(here: World) -> None:
    here.executions.ended.add(opened(here).incident_id)


def _reconcile(here: World, course: Course) -> None:
    done = reconcile(
        course.watch(here.incidents), course.watch(here.executions), with_unrecorded=True, now_ms=NOW + GRACE_MS
    )
    assert not done.faults


def _told(here: World) -> None:
    told(here, opened(here), 1)


def _in_hand(here: World) -> None:
    _told(here)
    pressed(here, secret_of(here, "ana"), Action.ACKNOWLEDGE)


def _send(here: World, course: Course) -> None:
    asked = Asked(Action.COMMAND, command="start_defrost", revision=4)
    pressed(here, secret_of(here, "ana"), asked, course=course)


def _snooze(here: World, course: Course) -> None:
    pressed(here, secret_of(here, "ana"), Asked(Action.SNOOZE, snooze_s=600), course=course)


JOBS = {
    "open": Job(lambda _: None, lambda here, course: open_incident(effect(), here.opening(course), now_ms=NOW)),
    "join": Job(opened, lambda here, course: open_incident(effect("e2"), here.opening(course), now_ms=NOW)),
    "recover": Job(lambda here: told(here, opened(here), 1), _recover),
    "recover, not resolved": Job(opened, _recover, "never"),
    "tell": Job(opened, _tell),
    "await": Job(_recovered_and_acknowledged, _await, "acknowledged"),
    "keep evidence": Job(
        opened, lambda here, course: keep_evidence(_only(here).incident_id, here.evidence(course), now_ms=NOW)
    ),
    "enrich": Job(opened, lambda here, course: enrich(_only(here).incident_id, here.enrichment(course), now_ms=NOW)),
    "keep the whole course": Job(
        _over,
        lambda here, course: keep_evidence(_only(here).incident_id, here.evidence(course), now_ms=NOW, is_final=True),
    ),
    "hand over": Job(
        opened,
        lambda here, course: hand_over(
            _only(here).incident_id, (5, 5), 1, course.watch(here.incidents), course.watch(here.executions), now_ms=NOW
        ),
    ),
    "reconcile": Job(_alone, _reconcile),
    "send a command": Job(_in_hand, _send, "never"),
    "snooze": Job(_told, _snooze, "never"),
    "record": Job(_over, lambda here, course: record(_only(here).incident_id, here.recording(course), now_ms=NOW)),
}


def run(job: Job, course: Course) -> World:
    here = world(auto_resolve=job.rule, commands=("start_defrost",))
    here.readings.readings = [READING]
    job.prepare(here)
    try:
        job.do(here, course)
    except Killed:
        job.do(here, Course())
    return here


def left(here: World) -> dict[str, Any]:
    """What must not depend on what went wrong on the way."""
    kept = here.incidents
    return {
        "incidents": kept.incidents,
        "locks": kept.locks,
        "taken": kept.taken,
        "timeline": {each: [(e.type, e.who, e.what) for e in kept.timeline(each)] for each in kept.incidents},
        "pages": {place: page.is_sent for place, page in kept.kept_pages.items()},
        "told": set(here.told()),
        "executions": here.executions.started,
        "alerts": {json.dumps(alert, sort_keys=True) for _, alert in here.channel.alerts},
        "objects": here.objects.kept,
        "heard": {json.dumps(output) for _, output in here.waiting.heard},
        "waiting": here.waiting.open_tokens,
        "commands": here.commands.sent,
    }


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", JOBS)
def test_a_death_anywhere_leaves_what_no_death_leaves(name: str, *, is_after: bool) -> None:
    job, whole = JOBS[name], Course()
    expected = left(run(job, whole))

    for at in range(1, whole.calls + 1):
        assert left(run(job, Course(at, is_after))) == expected, f"call {at} of {whole.calls}"

    assert whole.calls >= 3


def test_a_page_is_sent_twice_only_by_a_death_between_the_channels_yes_and_the_mark() -> None:
    whole = Course()
    run(JOBS["tell"], whole)
    twice = {}
    for at in range(1, whole.calls + 1):
        for is_after in (False, True):
            here = run(JOBS["tell"], Course(at, is_after))
            assert set(here.told().values()) <= {1, 2}
            twice[at, is_after] = sum(here.told().values()) - 2

    again = [place for place, more in twice.items() if more]
    assert len(again) == 4, "for each of two responders: right after the send, and right before the mark"
    assert all(more in {0, 1} for more in twice.values())


def test_a_page_that_was_sent_twice_has_one_page_id_and_two_links_that_both_act() -> None:
    whole = Course()
    run(JOBS["tell"], whole)
    runs = [run(JOBS["tell"], Course(at, True)) for at in range(1, whole.calls + 1)]  # noqa: FBT003 - is_after

    here = next(each for each in runs if max(each.told().values()) == 2)

    copies = [each for each in here.channel.sent if here.told()[each.page_id] == 2]
    assert len({each.text for each in copies}) == 2
    rounds = {(link.contact_id, link.round) for link in here.links.links.values()}
    assert rounds == {("ben", 2), ("cem", 2)}
