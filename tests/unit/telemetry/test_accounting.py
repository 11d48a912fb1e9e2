"""The arithmetic of the accounts."""

from hypothesis import given
from hypothesis import strategies as st

from coldwatch.telemetry.accounting import Counts, Posting, Tally, newly_counted, post

tallies = st.lists(st.integers(0, 50), unique=True).map(
    lambda each: [Tally(n, Counts(accepted=1)) for n in sorted(each)]
)


def test_only_what_lies_between_the_ledger_and_the_lowest_failure_is_counted() -> None:
    batch = [Tally(n, Counts(accepted=1)) for n in range(8, 13)]

    assert [each.sequence for each in newly_counted(batch, last_sequence=9, lowest_failed=12)] == [10, 11]
    assert newly_counted(batch, last_sequence=None, lowest_failed=None) == batch
    assert newly_counted(batch, last_sequence=12, lowest_failed=None) == []


def test_sequence_numbers_are_compared_as_numbers() -> None:
    batch = [Tally(int("9" * 56), Counts()), Tally(int("1" + "0" * 56), Counts())]

    assert newly_counted(batch, last_sequence=int("9" * 56), lowest_failed=None) == batch[1:]


def test_a_posting_sums_up_and_moves_the_ledger_on() -> None:
    batch = [Tally(3, Counts(accepted=1, conflicts=1)), Tally(5, Counts(duplicates=1, released=1))]

    assert post(batch, previous=2) == Posting(2, 5, Counts(accepted=1, duplicates=1, released=1, conflicts=1))
    assert post([], previous=2) is None


@given(tallies, st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50) | st.none())))
def test_however_deliveries_overlap_each_record_is_counted_once(
    records: list[Tally], deliveries: list[tuple[int, int | None]]
) -> None:
    """A delivery starts anywhere at or before where the last one got to, and may fail at any record."""
    last: int | None = None
    total = 0
    for start, failed in [*deliveries, (0, None)]:
        first = min(start, -1 if last is None else last)
        batch = [each for each in records if each.sequence >= first]
        posting = post(newly_counted(batch, last_sequence=last, lowest_failed=failed), previous=last)
        if posting is not None:
            last, total = posting.last_sequence, total + posting.counts.accepted

    assert total == len(records)
