"""Timelines of `device_silence`, on the wall clock: 300 s without a message, unless a test says otherwise."""

from tests.unit.detectors.timeline import Timeline, at, every, hours, minutes


def test_a_device_that_falls_silent_is_noticed_when_its_time_is_up() -> None:
    timeline = Timeline("device_silence")
    timeline.push(every(10, until=600))
    timeline.wait(hours(1))

    timeline.expect_opening(at(900))

    timeline.run()


def test_a_heartbeat_just_in_time_keeps_it_quiet() -> None:
    timeline = Timeline("device_silence")
    timeline.push(every(299, until=hours(6)))
    timeline.wait(hours(6))

    timeline.run()


def test_a_message_a_second_too_late_is_a_recovery() -> None:
    timeline = Timeline("device_silence")
    timeline.push([0, 301])
    timeline.wait(600)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(301))

    timeline.run()


def test_after_its_recovery_the_next_silence_opens_again() -> None:
    timeline = Timeline("device_silence")
    timeline.push([0, 1000, 1010])
    timeline.wait(hours(1))

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(1000))
    timeline.expect_opening(at(1310))

    timeline.run()


def test_buffered_readings_are_a_sign_of_life_when_they_arrive() -> None:
    timeline = Timeline("device_silence")
    timeline.push(every(10, until=100))
    timeline.push(every(10, start=110, until=1190), arriving=1195)
    timeline.wait(1400)

    timeline.expect_opening(at(400))
    timeline.expect_recovery(at(1195))

    timeline.run()


def test_a_device_whose_clock_is_wrong_is_heard_all_the_same() -> None:
    timeline = Timeline("device_silence")
    for moment in every(60, until=hours(1)):
        timeline.push(moment - hours(24 * 365), arriving=moment)
    timeline.wait(hours(1))

    timeline.run()


def test_a_lost_probe_is_heard_too() -> None:
    timeline = Timeline("device_silence")
    timeline.push(every(60, until=hours(1)), probe="LOST")
    timeline.wait(hours(1))

    timeline.run()


def test_the_sensors_of_a_machine_speak_for_one_device() -> None:
    timeline = Timeline("device_silence", application="factory", device_id="plant-machine-1")
    for moment in every(200, until=1000):
        timeline.push(moment, sensor_type="temperature", value=60.0)
        timeline.push(moment + 100, sensor_type="pressure", value=5.0)
    timeline.wait(minutes(30))

    timeline.expect_opening(at(1400), key="plant-machine-1")

    timeline.run()


def test_how_long_is_the_profiles_say() -> None:
    timeline = Timeline("device_silence", profile="who_refrigerator")
    timeline.push(every(minutes(10), until=hours(2)))
    timeline.wait(hours(4))

    timeline.expect_opening(at(hours(3)))

    timeline.run()


def test_nobody_waits_for_a_device_that_was_never_heard() -> None:
    timeline = Timeline("device_silence")
    timeline.wait(hours(48))

    timeline.run()
