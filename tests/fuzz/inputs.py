"""What the fuzzing feeds to the engine: texts, documents and lines that are nearly right, or not at all."""

import json
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

ROOT: Final = Path(__file__).resolve().parents[2]
MODELS: Final = [
    json.loads(path.read_text())
    for folder in ("tests/conformance/models", "detectors/models")
    for path in sorted((ROOT / folder).glob("*.json"))
]
TRACES: Final = [
    json.dumps(entry).encode()
    for path in sorted((ROOT / "tests/conformance/traces").glob("*.json"))
    for case in json.loads(path.read_text())
    for entry in case["messages"]
    if isinstance(entry, dict)
]

_FRAGMENTS: Final = (
    *(
        "$input.",
        "$variable.",
        "$input.i.a",
        "$variable.n",
        "$input",
        "$",
        "${",
        "}",
        "`",
        "`a b`",
        "'",
        '"',
        "\\",
        "\\'",
    ),
    *(
        "(",
        ")",
        "[",
        "]",
        "[0]",
        "[99999999999999999999]",
        ",",
        ".",
        " ",
        "\n",
        "\t",
        "\x00",
        "\u2028",
        "\u00e9",
        "\U0001f600",
    ),
    *(
        "||",
        "&&",
        "|",
        "&",
        "^",
        "==",
        "!=",
        "<=",
        ">=",
        "<",
        ">",
        "+",
        "-",
        "*",
        "/",
        "!",
        "~",
        "=",
        "%",
        "?",
        ";",
        "&gt;",
    ),
    *("true", "false", "null", "String", "Decimal", "Integer", "timeout('t')", "timeout(", "triggerType('Message')"),
    *("currentInput('i')", "convert(", "isNull(", "isUndefined(", "contains(", "bitor(", "abs(", "__import__('os')"),
    *(
        "__class__",
        "lambda: 0",
        "exec(",
        "{0.__class__}",
        "%s",
        "0",
        "1",
        "2.5",
        "1e9",
        "1e999",
        "9" * 25,
        "9" * 5_000,
        "0x1",
    ),
)
_REPEATED: Final = (
    "(",
    ")",
    "[",
    "-",
    "!",
    "'${",
    "isNull(",
    "1+",
    "true&&",
    "$input.i.",
    "`",
    "'",
    "[0]",
    "\\",
    " ",
    "\n",
)

EXPRESSIONS: Final = st.one_of(
    st.lists(st.sampled_from(_FRAGMENTS), max_size=14).map("".join),
    st.text(max_size=40),
    st.tuples(st.sampled_from(_REPEATED), st.integers(1, 3_000), st.sampled_from(_FRAGMENTS)).map(
        lambda parts: parts[0] * parts[1] + parts[2]
    ),
)

_MEMBERS: Final = (
    *(
        "states",
        "stateName",
        "initialStateName",
        "onInput",
        "onEnter",
        "onExit",
        "events",
        "transitionEvents",
        "actions",
    ),
    *(
        "eventName",
        "condition",
        "nextState",
        "setVariable",
        "variableName",
        "value",
        "setTimer",
        "timerName",
        "seconds",
    ),
    *("durationExpression", "resetTimer", "clearTimer", "sns", "targetArn", "payload", "contentExpression", "type"),
    *("iotTopicPublish", "mqttTopic", "iotSiteWise", "propertyValue", "dynamoDB", "hashKeyValue", "key"),
    *(
        "detectorModel",
        "detectorModelDefinition",
        "detectorModelName",
        "evaluationMethod",
        "inputDefinition",
        "attributes",
    ),
    *("Resources", "Type", "Properties", "Fn::Sub", "Fn::Join", "Ref", "__class__", "__dict__", ""),
)
_LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(_FRAGMENTS)
    | EXPRESSIONS
)
JSON: Final = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=4),
    max_leaves=12,
)
DEEP: Final = st.tuples(
    st.sampled_from((("[", "]"), ('{"a":', "}"), ('{"states":[', "]}"))), st.integers(1, 5_000)
).map(lambda drawn: drawn[0][0] * drawn[1] + "1" + drawn[0][1] * drawn[1])


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every member and element of a document: what holds it, and its name or number there."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        each = waiting.pop()
        inside = (
            list(each.items()) if isinstance(each, dict) else list(enumerate(each)) if isinstance(each, list) else []
        )
        found += [(each, name) for name, _ in inside]
        waiting += [value for _, value in inside]
    return found


@st.composite
def mutated(draw: st.DrawFn, originals: Any) -> Any:
    """A real document in which a few things have gone wrong."""
    document = json.loads(json.dumps(draw(st.sampled_from(originals))))
    for _ in range(draw(st.integers(1, 4))):
        found = places(document)
        if not found:
            break
        holder, name = found[draw(st.integers(0, len(found) - 1))]
        _change(draw, holder, name, found)
    return document


def _change(draw: st.DrawFn, holder: Any, name: Any, found: list[tuple[Any, Any]]) -> None:
    match draw(st.sampled_from(("other", "expression", "gone", "elsewhere", "twice", "renamed"))):
        case "other":
            holder[name] = draw(JSON)
        case "expression":
            holder[name] = draw(EXPRESSIONS)
        case "gone":
            del holder[name]
        case "elsewhere":
            other, place = found[draw(st.integers(0, len(found) - 1))]
            holder[name] = json.loads(json.dumps(other[place])) if _is_there(other, place) else None
        case "twice":
            holder[name] = [holder[name], holder[name]]
        case _ if isinstance(holder, dict):
            holder[draw(st.sampled_from(_MEMBERS))] = holder.pop(name)


def _is_there(holder: Any, name: Any) -> bool:
    return name in holder if isinstance(holder, dict) else name < len(holder)


@st.composite
def damaged(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Bytes of which a few were lost, added or exchanged."""
    raw = bytearray(draw(originals))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(raw)))
        raw[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(raw)
