"""The recording of a real machine through `sensor_range`, beside the windows that its makers labelled."""

import json
from datetime import UTC, datetime

from simulator import recording
from tests.unit.detectors.timeline import OPENED, START_MS, Finding, Pushed, Timeline

MACHINE = "plant-machine-1"
LABELLED = {
    ("2013-12-10 06:25", "2013-12-12 05:35"): "an anomaly",
    ("2013-12-15 17:50", "2013-12-17 17:00"): "planned shutdown",
    ("2014-01-27 14:20", "2014-01-29 13:30"): "hard to see",
    ("2014-02-07 14:55", "2014-02-09 14:05"): "catastrophic failure",
}


def replayed(*, unit: str, profile: str | None = None) -> list[Finding]:
    """As one upload of today: the device's own time alone decides."""
    timeline = Timeline("sensor_range", application="factory", device_id=MACHINE, profile=profile)
    rows = recording.messages(recording.load(recording.MACHINE_TEMPERATURE), MACHINE, unit=unit)
    timeline.push_all([Pushed(at=row.at_s, arrives=0, measurements=json.loads(row.payload)) for row in rows])
    return timeline.play()


def text(moment_ms: float) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def began(finding: Finding) -> str:
    return text(finding.effect["action"]["payload"]["payload"]["state"]["variables"]["began_at"])


def departures(findings: list[Finding]) -> list[tuple[str, str]]:
    """When each began, and when it had recovered."""
    openings, recoveries = findings[::2], findings[1::2]
    assert {each.what for each in openings} == {OPENED}
    return [
        (began(opening), text(recovery.at * 1000 + START_MS))
        for opening, recovery in zip(openings, recoveries, strict=True)
    ]


def test_the_lasting_departures_of_the_recording_are_found_each_in_a_labelled_window() -> None:
    found = departures(replayed(unit="degC"))

    told = [(*each, about) for each in found for (start, end), about in LABELLED.items() if start <= each[0] <= end]
    assert told == [
        ("2013-12-16 16:00", "2013-12-16 17:45", "planned shutdown"),
        ("2014-02-08 11:00", "2014-02-08 17:35", "catastrophic failure"),
        ("2014-02-09 07:10", "2014-02-09 11:55", "catastrophic failure"),
    ]
    assert len(told) == len(found)


def test_in_fahrenheit_the_same_is_found_with_the_profile_of_that_unit() -> None:
    in_celsius = [start for start, _ in departures(replayed(unit="degC"))]

    assert [start for start, _ in departures(replayed(unit="degF", profile="factory_fahrenheit"))] == in_celsius
