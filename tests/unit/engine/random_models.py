"""Random detector models and traces: mostly sound, so that compiled code has its way, and now and then not.

A seed gives the same model and the same traces again.
"""

import json
from random import Random
from typing import Any

NUMBERS = ("$input.i.x", "$input.i.p.q", "$input.j.y", "$variable.a", "$variable.b", "$input.i.list[0]")
TEXTS = ("'warm'", "'cold'", "$input.i.name", "$variable.t", "'${$variable.a} of ${$input.i.name}'")
TRUTHS = (
    *("$input.i.flag", "$variable.f", "true", "false", "timeout('n')", 'timeout("m")', "currentInput('i')"),
    *('currentInput("j")', "triggerType('Message')", 'triggerType("TIMER")', "isUndefined($variable.a)"),
    *(
        "isUndefined($input.i.x)",
        "isNull($input.i.maybe)",
        "startsWith($input.i.name, 'w')",
        "$input.i.x != $input.j.y",
    ),
)
ANYTHING = (
    *("$input.i", "$input.i.p", "$input.i.list", "$input.i.maybe", "$variable.mixed", "convert(String, $input.i.x)"),
    *("convert(Decimal, $input.i.name)", "bitand($input.i.x, 6)", "9223372036854775807", "timeout($variable.t)"),
    *("$input.i.x / 0", "~$input.i.x", "$input.i.x | 1", "1e308", "isUndefined($input.j)", "$input.i.`odd name`"),
)
BEGINNING = {
    "eventName": "begin",
    "condition": None,
    "actions": [
        {"setVariable": {"variableName": name, "value": value}}
        for name, value in {"a": "1", "b": "2.5", "t": "'warm'", "f": "true"}.items()
    ],
}
STATES = ("s0", "s1", "s2", "s3", "s4")


class Writer:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.oddity = self.random.choice((0.0, 0.0, 0.01, 0.1))
        """How often something stands where a sound model has something else."""

    def of(self, choices: tuple[str, ...]) -> str:
        return self.random.choice(ANYTHING if self.random.random() < self.oddity else choices)

    def number(self, depth: int = 2) -> str:
        draw = self.random.random()
        if depth == 0 or draw < 0.35:
            return self.of(NUMBERS)
        if draw < 0.65:
            return str(self.random.choice((0, 1, 2, 3, 7, 0.5, 2.5)))
        if draw < 0.7:
            return f"-({self.number(depth - 1)})"
        return f"({self.number(depth - 1)} {self.random.choice('+-*/')} {self.number(depth - 1)})"

    def text(self, depth: int = 1) -> str:
        if depth and self.random.random() < 0.2:
            return f"({self.text(0)} + {self.random.choice((self.text(0), self.number(0)))})"
        return self.of(TEXTS)

    def truth(self, depth: int = 3) -> str:
        draw = self.random.random()
        if depth == 0 or draw < 0.25:
            return self.of(TRUTHS)
        if draw < 0.6:
            symbol = self.random.choice(("<", "<=", ">", ">=", "==", "!="))
            return f"{self.number(1)} {symbol} {self.number(1)}"
        if draw < 0.68:
            return f"{self.text()} {self.random.choice(('==', '!=', '<'))} {self.text()}"
        if draw < 0.78:
            return f"!({self.truth(depth - 1)})"
        return f"({self.truth(depth - 1)} {self.random.choice(('&&', '||'))} {self.truth(depth - 1)})"

    def value(self) -> tuple[str, str]:
        name = self.random.choice(("a", "a", "b", "t", "f", "mixed"))
        if self.random.random() < self.oddity:
            return name, self.random.choice((self.text, self.truth, self.number))()
        kinds = {"a": self.number, "b": self.number, "t": self.text, "f": self.truth}
        return name, kinds.get(name, self.random.choice((self.number, self.text, self.truth)))()

    def action(self) -> dict[str, Any]:
        timer = self.random.choice(("n", "n", "m"))
        match self.random.randrange(8):
            case 0 | 1 | 2:
                name, value = self.value()
                return {"setVariable": {"variableName": name, "value": value}}
            case 3:
                return {"setTimer": {"timerName": timer, "seconds": self.random.randint(1, 5)}}
            case 4:
                return {"setTimer": {"timerName": timer, "durationExpression": self.number(1)}}
            case 5:
                return {self.random.choice(("resetTimer", "clearTimer")): {"timerName": timer}}
            case 6:
                return {"sns": {"targetArn": "arn"}}
            case _:
                own = {"contentExpression": self.text(), "type": self.random.choice(("STRING", "JSON"))}
                return {
                    "iotTopicPublish": {"mqttTopic": self.random.choice(("plain/topic", self.text())), "payload": own}
                }

    def event(self) -> dict[str, Any]:
        condition = None if self.random.random() < 0.15 else self.truth()
        actions = [self.action() for _ in range(self.random.choice((0, 1, 1, 2, 3)))]
        return {"eventName": self.random.choice(("e", 'öfter "so"\n')), "condition": condition, "actions": actions}

    def events(self) -> list[dict[str, Any]]:
        return [self.event() for _ in range(self.random.choice((0, 0, 1, 1, 2)))]

    def state(self, name: str, names: tuple[str, ...]) -> dict[str, Any]:
        transitions = []
        for _ in range(self.random.choice((0, 1, 1, 2, 3))):
            event = self.event()
            transitions.append(
                {**event, "condition": event["condition"] or "true", "nextState": self.random.choice(names)}
            )
        return {
            "stateName": name,
            "onEnter": {"events": self.events()},
            "onInput": {"events": self.events(), "transitionEvents": transitions},
            "onExit": {"events": self.events()},
        }

    def model(self) -> dict[str, Any]:
        names = STATES[: self.random.randint(1, 5)]
        states = [self.state(name, names) for name in names]
        initial = self.random.choice(states)
        if self.random.random() < 0.7:
            initial["onEnter"]["events"].insert(0, BEGINNING)
        key = {"key": "id"} if self.random.random() < 0.8 else {}
        return {
            "detectorModelName": "random",
            "evaluationMethod": self.random.choice(("BATCH", "SERIAL")),
            "roleArn": "role",
            **key,
            "detectorModelDefinition": {
                "states": states,
                "initialStateName": initial["stateName"],
            },
        }

    def payload(self, key: str, now_ms: int) -> dict[str, Any]:
        draw, found = self.random, {"id": key, "timestamp": now_ms}
        choices: dict[str, Any] = {
            "x": draw.choice((0, 1, 2, 3, 8, -1, 2.5, 7.0)),
            "p": {"q": draw.choice((0, 1, 2.5))},
            "y": draw.randint(0, 3),
            "name": draw.choice(("warm", "cold", "w")),
            "flag": draw.random() < 0.5,
            "list": [draw.randint(0, 3)],
            "maybe": draw.choice((None, 1, "x")),
            "odd name": 1,
        }
        found |= {name: value for name, value in choices.items() if draw.random() < 0.9}
        if draw.random() < self.oddity:
            odd: tuple[Any, ...] = (None, True, "7", 1 << 70, 9.3e18, [], {}, 1e308, -0.0)
            found[draw.choice((*choices, "id"))] = draw.choice(odd)
        if draw.random() < self.oddity:
            found["timestamp"] = draw.choice((None, True, "7", 1.5))
        return found

    def trace(self, keys: tuple[str, ...], length: int) -> list[tuple[str, dict[str, Any], int]]:
        """Input, payload and time of each message, in the order of time."""
        now_ms, found = 1_000_000, []
        for _ in range(length):
            now_ms += self.random.choice((0, 100, 900, 1_000, 2_500))
            name = self.random.choice(("i", "i", "i", "j"))
            found.append((name, self.payload(self.random.choice(keys), now_ms), now_ms))
        return found


def as_bytes(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload).encode()
