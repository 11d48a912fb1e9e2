"""Lifecycle events out of order, more than once, and with clocks that are two minutes off."""

import itertools
from typing import Any

import pytest

from coldwatch.provisioning.presence import Presence, read_presence, supersedes

MINUTE = 60_000
HOUR = 60 * MINUTE


def up(at: int, version: int) -> Presence:
    return Presence("t", is_connected=True, changed_at=at, version=version)


def down(at: int, version: int) -> Presence:
    return Presence("t", is_connected=False, changed_at=at, version=version)


def last_of(events: tuple[Presence, ...]) -> Presence:
    known = events[0]
    for event in events[1:]:
        known = event if supersedes(event, known) else known
    return known


@pytest.mark.parametrize(
    "story",
    [
        pytest.param([up(0, 1), down(1000, 1)], id="one connection"),
        pytest.param([up(0, 1), down(90_000, 1), up(30_000, 2)], id="a clock that is a minute off"),
        pytest.param([up(0, 1), up(1000, 2), down(1000, 2)], id="a client id taken over"),
        pytest.param([up(0, 7), down(HOUR, 7), up(2 * HOUR + MINUTE, 0)], id="versions begin again after an hour"),
        pytest.param([up(0, 1), down(5 * HOUR, 1), up(5 * HOUR + 500, 2)], id="a long connection"),
    ],
)
def test_whatever_order_events_come_in_the_last_one_stands(story: list[Presence]) -> None:
    for order in itertools.permutations([*story, story[0]]):
        assert last_of(order) == story[-1]


def test_an_event_does_not_supersede_itself() -> None:
    assert not any(supersedes(each, each) for each in (up(0, 0), down(0, 0)))


@pytest.mark.parametrize(
    "event", [{}, {"eventType": "subscribed"}, {"eventType": "connected"}, {"eventType": "connected", "clientId": 5}]
)
def test_other_events_say_nothing_of_presence(event: dict[str, Any]) -> None:
    assert read_presence(event) is None


def test_a_reason_is_kept_short() -> None:
    event = {
        "eventType": "disconnected",
        "clientId": "t",
        "timestamp": 1,
        "versionNumber": 0,
        "disconnectReason": "x" * 999,
    }

    presence = read_presence(event)

    assert presence is not None
    assert presence.disconnect_reason == "x" * 128
