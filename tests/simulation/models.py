"""The detector models that are simulated: what ships, and four that are harder on the runtime."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from coldwatch.adapters.detector_files import load_detectors
from coldwatch.detection.detector import Watch, watches
from coldwatch.engine.loader import load_model
from coldwatch.profiles.deployment import Clock

FILES: Final = load_detectors()

ADDED: Final = "added"
"""A variable to which somebody adds by hand, in the middle of everything. No model looks at it, and two have it."""


def _publish(content: str) -> dict[str, Any]:
    return {"iotTopicPublish": {"mqttTopic": "t", "payload": {"contentExpression": content, "type": "STRING"}}}


def _set(name: str, value: str) -> dict[str, Any]:
    return {"setVariable": {"variableName": name, "value": value}}


def _timer(name: str, seconds: str) -> dict[str, Any]:
    return {"setTimer": {"timerName": name, "durationExpression": seconds}}


def _event(name: str, condition: str, *actions: Mapping[str, Any]) -> dict[str, Any]:
    return {"eventName": name, "condition": condition, "actions": list(actions)}


def _model(name: str, key: str | None, start: Iterable[Any], events: Iterable[Any]) -> Watch:
    state = {
        "stateName": "only",
        "onEnter": {"events": [_event("Begin", "true", *start)]},
        "onInput": {"events": list(events)},
    }
    document = {
        "detectorModelName": name,
        "evaluationMethod": "SERIAL",
        "roleArn": "arn:aws:iam::123456789012:role/detector-models",
        "detectorModelDefinition": {"initialStateName": "only", "states": [state]},
    } | ({"key": key} if key else {})
    return Watch(load_model(document), Clock.WALL, "1")


_COUNT: Final = _set("count", "$variable.count + 1")
_HEARD: Final = 'currentInput("telemetry")'

COUNTING: Final = _model(
    "counting",
    "device_id",
    [_set("count", "0")],
    [_event("Each", _HEARD, _COUNT, _publish("'${$variable.count}'"))],
)
"""To which each message matters: nothing may reach it twice, and nothing out of turn."""

HEARTBEATS: Final = _model(
    "heartbeats",
    "device_id",
    [_set("count", "0"), _set("left", "0"), _set(ADDED, "0")],
    [
        _event("Warn", 'timeout("warn")', _publish("'warned after ${$variable.count}'")),
        _event("Again", 'timeout("again") && $variable.left > 0', _set("left", "$variable.left - 1")),
        _event(
            "Told", 'timeout("again")', _publish("'${$variable.left} left'"), _timer("again", "60 + $variable.left")
        ),
        _event("Over", "$variable.left == 0", {"clearTimer": {"timerName": "again"}}),
        _event("Alarm", 'timeout("alarm")', _publish("'alarm'"), _set("left", "3"), _timer("again", "70")),
        _event(
            "Heard",
            _HEARD,
            _COUNT,
            _set("left", "0"),
            _timer("warn", "45"),
            _timer("alarm", "$input.telemetry.profile.silence_s / 2"),
            {"clearTimer": {"timerName": "again"}},
        ),
    ],
)
"""Each message sets two timers anew and counts; a third restarts itself a few times."""

TALLYING: Final = _model(
    "tally",
    None,
    [_set("count", "0")],
    [_event("Each", _HEARD, _COUNT, _publish("'one more'"))],
)
"""One detector for all, fed by all its publishers. In which order their messages come is nobody's promise."""

NOTING_SHOCKS: Final = _model(
    "noting",
    "device_id",
    [_set("count", "0"), _set(ADDED, "0")],
    [_event("Each", _HEARD, _COUNT), _event("Shock", "$input.telemetry.shock_g > 5", _publish("'one more'"))],
)
"""It counts in silence, by small changes, and minds no order: so it may be fed by two shards in turns."""

IN_ANY_ORDER: Final = {watch.name: watch for watch in (TALLYING, NOTING_SHOCKS)}
"""These come to the same in whichever order the messages of several shards are evaluated."""

ADDED_TO: Final = {watch.name: watch for watch in (HEARTBEATS, NOTING_SHOCKS)}
"""By hand. Of both much happens in lanes: they act at few messages, and each changes them."""

WATCHES: Final = {
    **watches(FILES.models, FILES.versions, FILES.deployment, FILES.previous),
    **{watch.name: watch for watch in (COUNTING, HEARTBEATS)},
    **IN_ANY_ORDER,
}


def by_input(found: Mapping[str, Watch]) -> dict[str, list[Watch]]:
    looking: dict[str, list[Watch]] = defaultdict(list)
    for watch in found.values():
        for name in watch.inputs:
            looking[name].append(watch)
    return dict(looking)
