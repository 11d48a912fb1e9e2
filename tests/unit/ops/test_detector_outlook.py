"""What `coldwatch detectors preview` says, before anything is deployed."""

from dataclasses import replace

from coldwatch.detection.detector import Detector, Rollout, Watch
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.profiles.deployment import Clock
from coldwatch_ops.answer import Answer
from coldwatch_ops.detectors.outlook import look_ahead, told
from coldwatch_ops.exit_codes import ExitCode
from tests.unit.detection.builders import NOW, WATCHES, detector
from tests.unit.ops.telling import text_of

HIGH = WATCHES["sustained_excursion_high"]
BEGUN = {"began_at": NOW, "readings": 2, "is_duration_over": False}
DURATION = {"duration": Timer(NOW, 300)}


def pending(key: str, snapshot: Snapshot, *, version: str = "older") -> Detector:
    return detector(model=HIGH.name, key=key, model_version=version, snapshot=snapshot)


def outlook(*detectors: Detector, watch: Watch = HIGH) -> Answer:
    return told(look_ahead(detectors, {HIGH.name: watch}), [], "detectors")


def test_it_says_how_many_would_stay_move_begin_anew_and_lose_something() -> None:
    answer = outlook(
        pending("a", Snapshot("pending", BEGUN, DURATION, {})),
        pending("b", Snapshot("pending", BEGUN | {"peak": 9.5}, DURATION, {})),
        pending("c", Snapshot("pending", BEGUN | {"readings": "two"}, DURATION | {"old": Timer(NOW, 1)}, {})),
        pending("d", Snapshot("too_hot", {}, {}, {})),
        pending("e", Snapshot("pending", {"readings": 2, "is_duration_over": False}, {}, {})),
        pending("f", Snapshot("in_range", {}, {}, {}), version=HIGH.version),
    )

    [document] = answer.document["models"]
    assert (document["stay"], document["move"], document["losing"], document["lacking"]) == (1, 5, 2, 1)
    assert document["begin_anew"] == {"the model has no state `too_hot`": 1}
    assert document["lose"] == {
        "the variable `peak`": 1,
        "the variable `readings`, which is of another kind": 1,
        "the timer `old`": 1,
    }
    assert document["lack"] == {"`began_at`": 1, "`duration`": 1}
    assert answer.exit_code is ExitCode.FAILED
    assert "such as sustained_excursion_high/d" in text_of(answer)
    assert "5 detectors would move, 1 would begin anew, 2 would lose something, 1 would lack something." in text_of(
        answer
    )


def test_a_move_without_loss_is_nothing_wrong() -> None:
    answer = outlook(pending("a", Snapshot("pending", BEGUN, DURATION, {})))

    assert answer.exit_code is ExitCode.OK
    assert "1 detector would move." in text_of(answer)


def test_in_a_roll_out_only_those_of_its_fraction_move() -> None:
    rolling = replace(HIGH, rollout=Rollout(replace(HIGH, version="older"), 0.25))
    fleet = [pending(f"acme-fridge-{n}", Snapshot("pending", BEGUN, DURATION, {})) for n in range(400)]

    [document] = outlook(*fleet, watch=rolling).document["models"]

    assert document["stay"] + document["move"] == 400
    assert 70 < document["move"] < 130


def test_another_clock_and_a_model_that_is_not_run_are_told() -> None:
    on_wall = replace(pending("a", Snapshot("pending", BEGUN, DURATION, {})), clock=Clock.WALL)

    text = text_of(outlook(on_wall, detector(model="shock")))

    assert "sustained_excursion_high: 1 would go over to the other clock" in text
    assert "shock is not run: 1 detector would rest" in text


def test_what_cannot_be_read_is_told_and_fails() -> None:
    answer = told(look_ahead([], {}), ["shock/x: a stored detector cannot be read."], "detectors")

    assert answer.exit_code is ExitCode.FAILED
    assert "shock/x" in text_of(answer)
