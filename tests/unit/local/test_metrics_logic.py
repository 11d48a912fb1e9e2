import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloud.metrics_logic import Datum, Gauges, Missing, State, alarm_state, embedded_metrics

NOW = 1_700_000_000.0


def line(**changes: Any) -> str:
    directive = {
        "Namespace": "Coldwatch",
        "Dimensions": [["application"]],
        "Metrics": [{"Name": "Accepted", "Unit": "Count"}],
    }
    root = {
        "_aws": {"Timestamp": NOW * 1000, "CloudWatchMetrics": [directive | changes.pop("directive", {})]},
        "application": "coldchain",
        "Accepted": 7,
    }
    return json.dumps(root | changes)


def test_a_metric_is_read_with_its_dimensions_unit_and_time() -> None:
    assert embedded_metrics(line(), NOW) == [
        Datum("Coldwatch", "Accepted", {"application": "coldchain"}, "Count", (7.0,), NOW)
    ]


def test_each_dimension_set_is_a_metric_of_its_own() -> None:
    sets = {"Dimensions": [[], ["application"], ["application", "reason"]]}

    found = embedded_metrics(line(directive=sets, reason="late"), NOW)

    assert [datum.dimensions for datum in found] == [
        {},
        {"application": "coldchain"},
        {"application": "coldchain", "reason": "late"},
    ]


def test_a_list_of_values_is_one_metric_with_many_values() -> None:
    (datum,) = embedded_metrics(line(Accepted=[1, 2.5]), NOW)

    assert datum.values == (1.0, 2.5)


def test_a_metric_without_a_unit_has_none() -> None:
    (datum,) = embedded_metrics(line(directive={"Metrics": [{"Name": "Accepted"}]}), NOW)

    assert datum.unit == "None"


@pytest.mark.parametrize(
    "faulty",
    [
        {"Accepted": "seven"},
        {"Accepted": True},
        {"Accepted": []},
        {"Accepted": [1] * 101},
        {"Accepted": float("inf")},
        {"application": 5},
        {"directive": {"Dimensions": [["nowhere"]]}},
        {"directive": {"Dimensions": [[f"d{n}" for n in range(31)]]}},
        {"directive": {"Namespace": 5}},
        {"directive": {"Metrics": [{"Unit": "Count"}, "Accepted"]}},
        {"_aws": {"Timestamp": (NOW - 15 * 86400) * 1000, "CloudWatchMetrics": []}},
        {"_aws": "CloudWatchMetrics"},
    ],
)
def test_what_the_format_does_not_allow_gives_no_metric(faulty: dict[str, Any]) -> None:
    assert embedded_metrics(line(**faulty), NOW) == []


def test_a_metric_from_the_future_or_long_ago_is_dropped() -> None:
    assert embedded_metrics(line(), NOW - 3 * 3600) == []
    assert embedded_metrics(line(), NOW + 15 * 86400) == []


def test_a_faulty_metric_does_not_take_its_neighbour_along() -> None:
    metrics = {"Metrics": [{"Name": "Nowhere"}, {"Name": "Accepted"}]}

    assert [datum.name for datum in embedded_metrics(line(directive=metrics), NOW)] == ["Accepted"]


@given(
    st.text()
    | st.recursive(
        st.none() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["_aws", "CloudWatchMetrics", "Namespace", "Dimensions", "Metrics", "Name", "Timestamp"]
                ),
                inner,
            )
        ),
    ).map(json.dumps)
)
def test_no_log_line_is_an_error(text: str) -> None:
    assert embedded_metrics(text, NOW) == [] or text.startswith("{")
    assert embedded_metrics(f"{text} CloudWatchMetrics", NOW) == []


# AWS's own tables, the oldest period first: 0 within the threshold, X beyond it, - no value.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
OK, ALARM, KEPT, UNKNOWN = State.OK, State.ALARM, None, State.INSUFFICIENT_DATA
ALL_OF_THREE = [
    ("0-X-X", OK, OK, OK, OK),
    ("----0", OK, OK, OK, OK),
    ("-----", UNKNOWN, KEPT, ALARM, OK),
    ("0XX-X", ALARM, ALARM, ALARM, ALARM),
    ("--X--", ALARM, KEPT, ALARM, OK),
]
TWO_OF_THREE = [
    ("0-X-X", ALARM, ALARM, ALARM, ALARM),
    ("00X0X", ALARM, ALARM, ALARM, ALARM),
    ("0-X--", OK, OK, ALARM, OK),
    ("----0", OK, OK, ALARM, OK),
    ("---X-", ALARM, KEPT, ALARM, OK),
]


@pytest.mark.parametrize(("needed", "table"), [(3, ALL_OF_THREE), (2, TWO_OF_THREE)])
def test_missing_data_is_treated_as_aws_tabulates_it(needed: int, table: list[tuple[Any, ...]]) -> None:
    treatments = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)
    for periods, *expected in table:
        breaches = [{"0": False, "X": True, "-": None}[period] for period in reversed(periods)]

        found = [alarm_state(breaches, evaluated=3, to_alarm=needed, missing=missing) for missing in treatments]

        assert found == expected, periods


def test_a_gauge_is_published_when_it_changes_and_once_a_minute_when_not() -> None:
    gauges = Gauges()

    due = [gauges.is_due("depth", value, now) for value, now in [(0, 0), (0, 5), (3, 10), (3, 60), (3, 70), (3, 75)]]

    assert due == [True, False, True, False, True, False]
