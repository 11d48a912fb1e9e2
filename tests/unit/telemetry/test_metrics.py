"""Metrics: the right names with the right dimensions, and no others."""

from coldwatch.telemetry.accounting import Counts
from coldwatch.telemetry.envelope import open_envelope
from coldwatch.telemetry.judgement import interpret, judge
from coldwatch.telemetry.metrics import metric_documents
from coldwatch.telemetry.reading import Reading
from tests.unit.telemetry.builders import CHILD, DEVICES, FRIDGE, GATEWAY, NOW, RULES, coldchain, message


def readings() -> list[Reading]:
    records = [
        message(1, coldchain(temp_c=-20)),
        message(2, coldchain(temp_c=-18.5)),
        message(3, coldchain(device_id=CHILD, temp_c=-25), thing=GATEWAY),
    ]
    verdicts = [judge(each, interpret(each, DEVICES, RULES), DEVICES) for each in map(open_envelope, records)]
    return [each for each in verdicts if isinstance(each, Reading)]


def test_a_batchs_metrics_follow_the_embedded_metric_format() -> None:
    (document,) = metric_documents({"coldchain": Counts(2, 1, 3, 1, 0)}, [], stage="dev", now_ms=NOW, per_device=True)

    assert document == {
        "_aws": {
            "Timestamp": NOW,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Coldwatch",
                    "Dimensions": [["stage", "application"]],
                    "Metrics": [
                        {"Name": name, "Unit": "Count"}
                        for name in ("Accepted", "Duplicates", "Quarantined", "Released", "Conflicts")
                    ],
                }
            ],
        },
        "stage": "dev",
        "application": "coldchain",
        "Accepted": 2,
        "Duplicates": 1,
        "Quarantined": 3,
        "Released": 1,
        "Conflicts": 0,
    }


def test_a_fleet_shows_its_highest_temperature_and_a_device_its_heartbeat() -> None:
    documents = metric_documents({}, readings(), stage="dev", now_ms=NOW, per_device=True)

    assert [(each["fleet_id"], each["TemperatureMax"]) for each in documents if "fleet_id" in each] == [("acme", -18.5)]
    assert {each["device_id"]: each["Heartbeat"] for each in documents if "device_id" in each} == {FRIDGE: 2, CHILD: 1}


def test_heartbeats_can_be_switched_off() -> None:
    documents = metric_documents({}, readings(), stage="dev", now_ms=NOW, per_device=False)

    assert [list(each)[1:] for each in documents] == [["stage", "fleet_id", "TemperatureMax"]]
