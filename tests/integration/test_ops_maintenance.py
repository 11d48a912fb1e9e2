"""`coldwatch maintenance` against moto."""

from collections.abc import Iterator

import pytest

from coldwatch_ops.errors import NotFoundError, RefusedError, UsageError
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import NOW, deployed, run
from tests.unit.ops.telling import text_of

HOUR = 3_600_000
ADD = ("maintenance", "add", "--site", "Basel", "--why", "defrosting")


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def test_a_window_that_was_added_is_listed_with_its_age_and_what_remains(stack: Stack) -> None:
    added = run(stack, *ADD, "--for", "4h", "--as", "jo").document["window"]

    listed = run(stack, "maintenance", "list")

    (found,) = listed.document["windows"]
    assert {name: found[name] for name in added} == added
    assert (found["age_ms"], found["remains_ms"], found["who"], found["why"]) == (0, 4 * HOUR, "jo", "defrosting")
    assert "site Basel" in text_of(listed)
    assert "4h" in text_of(listed)


def test_a_window_spares_what_is_critical_unless_it_says_otherwise(stack: Stack) -> None:
    spared = run(stack, *ADD, "--for", "1h")
    silent = run(stack, *ADD, "--for", "1h", "--even-critical")

    assert "--even-critical" in text_of(spared)
    assert "--even-critical" not in text_of(silent)
    assert silent.document["window"]["is_even_critical"]


def test_a_window_that_is_ended_stays_with_who_and_why(stack: Stack) -> None:
    made = run(stack, *ADD, "--until", str(NOW + HOUR)).document["window"]

    run(stack, "maintenance", "end", made["window_id"], "--why", "done early", "--as", "jo")

    assert run(stack, "maintenance", "list").document["windows"] == []
    listed = run(stack, "maintenance", "list", "--all")
    (kept,) = listed.document["windows"]
    assert (kept["ended_at"], kept["ended_by"], kept["ended_why"]) == (NOW, "jo", "done early")
    assert "defrosting; ended: done early" in text_of(listed)
    with pytest.raises(RefusedError, match="was over"):
        run(stack, "maintenance", "end", made["window_id"], "--why", "again")


def test_a_window_about_a_model_names_it_as_every_command_does(stack: Stack) -> None:
    made = run(stack, "maintenance", "add", "--model", "shock", "--why", "x", "--for", "1h").document["window"]

    assert made["scope"]["detector_model"] == "shock"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("maintenance", "add", "--why", "x", "--for", "1h"), "Say what the window is about"),
        ((*ADD,), "Say when the window ends"),
        ((*ADD, "--for", "1h", "--until", "2030-01-01"), "Say when the window ends"),
        ((*ADD, "--for", "31d"), "30 days at most"),
        ((*ADD, "--for", "2026-01-01T00:00:00+99:00"), "not a length of time"),
        ((*ADD, "--until", "2h"), "over before"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_the_reason(
    stack: Stack, words: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        run(stack, *words)


def test_no_window_is_said_so_and_one_that_is_not_there_cannot_be_ended(stack: Stack) -> None:
    assert "No maintenance window" in text_of(run(stack, "maintenance", "list"))
    with pytest.raises(NotFoundError):
        run(stack, "maintenance", "end", "nothing", "--why", "x")
