from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.cloud.retention_logic import drop_expired


def arrived(at: float) -> dict[str, Any]:
    return {"ApproximateArrivalTimestamp": at}


@given(arrivals=st.lists(st.integers(0, 20)).map(sorted), before=st.integers(-1, 21))
def test_what_arrived_in_time_stays_and_the_rest_goes(arrivals: list[int], before: int) -> None:
    records = [arrived(at) for at in arrivals]

    drop_expired(records, before=before)

    assert records == [arrived(at) for at in arrivals if at >= before]


def test_the_list_itself_is_kept_so_that_a_record_appended_meanwhile_is_not_lost() -> None:
    records = [arrived(1), arrived(2)]
    held_by_a_writer = records

    drop_expired(records, before=2)
    held_by_a_writer.append(arrived(3))

    assert records == [arrived(2), arrived(3)]
