"""Who is told during maintenance, and what at its end: as timelines, on virtual time."""

from dataclasses import replace

from coldwatch.incidents.incident import EventType
from tests.unit.incidents.builders import NOW, is_
from tests.unit.incidents.storms.builders import SECOND, device, opens, storm_world, window
from tests.unit.incidents.storms.telling import generous, told
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork


def test_nobody_is_told_during_maintenance_and_what_is_still_open_at_its_end_is_told_then() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    clock.here.storms.put_window(window(until_ms=NOW + 20 * MINUTE))

    made = opens(clock.here, device(clock.here, 1), model="shock")
    clock.run_until(NOW + 20 * MINUTE - 1)
    assert told(clock.here, made) == 0
    assert is_(clock.here, made).silenced_by == "maintenance:w1"
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, made) == 1
    types = clock.here.what(made)
    assert types.index(EventType.SILENCED) < types.index(EventType.UNSILENCED) < types.index(EventType.PAGED)


def test_a_window_that_is_ended_early_is_noticed_soon() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    long = window(until_ms=NOW + 86_400 * SECOND)
    clock.here.storms.put_window(long)
    made = opens(clock.here, device(clock.here, 1), model="shock")
    clock.run_until(NOW + 10 * MINUTE)

    clock.here.storms.put_window(replace(long, ended_at=clock.now, ended_by="op"), before=long)
    clock.run_until(NOW + 15 * MINUTE)

    assert told(clock.here, made) == 1


def test_what_is_critical_is_told_during_maintenance_that_does_not_say_even_that() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    clock.here.storms.put_window(window())

    made = opens(clock.here, device(clock.here, 1))
    clock.run_until(NOW + SECOND)

    assert told(clock.here, made) == 1


def test_a_whole_months_maintenance_asks_less_often_than_a_workflows_history_has_room_for() -> None:
    clock = Clockwork(storm_world(), NOW)
    clock.here.storms.put_window(window(from_ms=NOW, until_ms=NOW + 30 * 86_400 * SECOND))
    made = opens(clock.here, device(clock.here, 1), model="shock")
    at, asked = NOW, 0
    while (silence := clock.here.silencing().reason(is_(clock.here, made), now_ms=at)) is not None:
        at, asked = silence.until_ms, asked + 1

    assert at == NOW + 30 * 86_400 * SECOND
    assert asked * 8 < 25_000
