"""`coldwatch devices history`: each change of a device's limits, with what was, what is, who and why; against moto."""

from collections.abc import Iterator
from typing import Any

import pytest

from coldwatch_ops.devices import history, registry, watching
from coldwatch_ops.errors import RefusedError, UsageError
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import NOW, deployed, run
from tests.unit.detection.builders import FRIDGE
from tests.unit.ops.telling import text_of


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        device = {"device_id": FRIDGE, "fleet_id": "acme", "application": "coldchain", "device_type": "fridge"}
        registry.enter(found, device)
        yield found


def changes(stack: Stack, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run(stack, "devices", "history", FRIDGE, *words).document["changes"]
    return found


def test_a_change_is_kept_with_what_was_what_is_who_when_and_why(stack: Stack) -> None:
    run(stack, "devices", "profile", FRIDGE, "--set", "high_c=6", "--why", "ticket 4711", "--as", "Ana")

    [change] = changes(stack)

    assert (change["old"], change["new"]) == ({"changed": None, "high_c": 8.0}, {"changed": ["high_c"], "high_c": 6.0})
    assert (change["who"], change["why"], change["at"]) == ("Ana", "ticket 4711", NOW)
    assert change["principal"].startswith("arn:aws:")
    assert "ticket 4711" in text_of(run(stack, "devices", "history", FRIDGE))


def test_later_changes_leave_earlier_ones_as_they_are(stack: Stack) -> None:
    for limit in (7, 6, 5):
        run(stack, "devices", "profile", FRIDGE, "--set", f"high_c={limit}", "--why", f"to {limit}")

    kept = {each["why"]: (each["old"]["high_c"], each["new"]["high_c"]) for each in changes(stack)}
    assert kept == {"to 7": (8.0, 7.0), "to 6": (7.0, 6.0), "to 5": (6.0, 5.0)}


@pytest.mark.parametrize("why", [(), ("--why", ""), ("--why", "  ")])
def test_a_change_without_a_reason_is_a_wrong_call_and_changes_nothing(stack: Stack, why: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="why"):
        run(stack, "devices", "profile", FRIDGE, "who_refrigerator", *why)

    assert "profile" not in registry.get_device(stack, FRIDGE)
    assert changes(stack) == []


def test_what_is_refused_leaves_no_entry(stack: Stack) -> None:
    with pytest.raises(RefusedError):
        run(stack, "devices", "profile", FRIDGE, "no_such_profile", "--why", "a try")

    assert changes(stack) == []


def test_who_meets_another_change_is_refused_so_what_is_kept_as_old_was_in_force(stack: Stack) -> None:
    """The other one comes between the reading of the device and the write."""
    said = history.reason(stack, why="first", who="Ana", now_ms=NOW)
    stale = registry.get_device(stack, FRIDGE)
    run(stack, "devices", "profile", FRIDGE, "who_refrigerator", "--why", "second")

    entry = history.entry(stack, FRIDGE, {}, {"profile": "frozen_18"}, said)
    with pytest.raises(RefusedError, match="somebody else"):
        watching.write(stack, stale, {"profile": "frozen_18"}, entry)

    assert [each["why"] for each in changes(stack)] == ["second"]
    assert registry.get_device(stack, FRIDGE)["profile"] == "who_refrigerator"


def test_a_trip_begins_and_is_kept(stack: Stack) -> None:
    run(stack, "devices", "profile", FRIDGE, "who_shipping_type_2", "--why", "a shipper")

    shown = run(stack, "devices", "trip", FRIDGE, "SHP-17", "--why", "leaves for Bern").document

    assert shown["profile"]["trip"] == "SHP-17"
    [trip] = [each for each in changes(stack) if each["why"] == "leaves for Bern"]
    assert (trip["old"]["trip"], trip["new"]["trip"]) == ("", "SHP-17")


def test_a_trip_takes_limits_that_add_up_and_another_name(stack: Stack) -> None:
    with pytest.raises(RefusedError, match="no limit whose times add up"):
        run(stack, "devices", "trip", FRIDGE, "SHP-17", "--why", "leaves")

    run(stack, "devices", "profile", FRIDGE, "who_shipping_type_1", "--why", "a shipper")
    run(stack, "devices", "trip", FRIDGE, "SHP-17", "--why", "leaves")
    with pytest.raises(RefusedError, match="already"):
        run(stack, "devices", "trip", FRIDGE, "SHP-17", "--why", "leaves again")


def test_to_be_left_alone_is_kept_too(stack: Stack) -> None:
    run(stack, "devices", "unwatch", FRIDGE, "--why", "defrosting")

    [change] = changes(stack)
    assert (change["old"], change["new"], change["why"]) == ({"watched": True}, {"watched": False}, "defrosting")


def test_history_is_narrowed_by_time(stack: Stack) -> None:
    run(stack, "devices", "unwatch", FRIDGE, "--why", "defrosting")

    assert len(changes(stack, "--since", str(NOW))) == 1
    assert changes(stack, "--since", str(NOW + 1)) == []
    assert text_of(run(stack, "devices", "history", FRIDGE, "--since", str(NOW + 1))) == "No change is kept."
