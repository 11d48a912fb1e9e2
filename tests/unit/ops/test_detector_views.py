"""Detectors as the command tells them."""

from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch_ops.detectors import view
from coldwatch_ops.exit_codes import ExitCode
from tests.unit.detection.builders import FRIDGE, NOW, detector, effect
from tests.unit.ops.telling import text_of

MINUTE = 60_000


def test_the_list_says_the_state_the_next_timer_and_what_is_owed() -> None:
    heard = detector(due_ms=NOW + MINUTE, changed_at=NOW, pending=(effect(),))

    answer = view.listed([heard], [])

    [told] = answer.document["detectors"]
    assert (told["model"], told["key"], told["state"], told["owed"]) == ("device_silence", FRIDGE, "heard", 1)
    assert told["next_timer_at"] > told["changed_at"]
    assert "1 detector." in text_of(answer)


def test_an_item_that_cannot_be_read_is_told_and_fails_the_command() -> None:
    answer = view.listed([], ["shock/x: a stored detector cannot be read."])

    assert answer.exit_code is ExitCode.FAILED
    assert "shock/x" in text_of(answer)


def test_one_detector_is_told_whole() -> None:
    timers = {"a": Timer(NOW, 60), "b": Timer(NOW, 60, is_expired=True), "c": Timer(NOW, 60, is_read=True)}
    snapshot = Snapshot("warm", {"count": 1.0, "note": "\x1b[2J"}, timers, {})
    one = detector(snapshot=snapshot, changed_keys=("k1",), profile={"high_c": 8.0}, pending=(effect(),))

    answer = view.shown(one)

    told = text_of(answer)
    assert [timer["state"] for timer in answer.document["timers"]] == ["pending", "expired", "read"]
    assert answer.document["effects"][0]["event"] == "Shock"
    for expected in ("warm", "variable count", "1.0", "limit high_c", "8.0", "k1", "Shock", "expired"):
        assert expected in told
    assert "\x1b" not in told


def test_a_detector_whose_model_is_new_has_no_state_yet() -> None:
    answer = view.shown(detector(snapshot=None))

    assert answer.document["state"] is None
    assert answer.document["timers"] == []
