"""The operations of the API: where each answers, what it takes, and what does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from coldwatch.engine.customer_action import CustomerActionName
from data_plane import alarms, detectors
from data_plane.errors import ApiError, ErrorCode
from data_plane.knowledge import Knowledge, Ports
from data_plane.requests import Request
from data_plane.shapes import Many, Members, Text, Whole

MOST_ENTRIES: Final = 10

_ID = Text(1, 64, r"^[a-zA-Z0-9_-]+$")
_MODEL = Text(1, 128, r"^[a-zA-Z0-9_-]+$")
_KEY = Text(1, 1_024)
"""The service's pattern is too narrow for what keys are taken from: any text names a detector here."""
_PAGE = {"nextToken": Text(), "maxResults": Whole(1, 250)}
_STATE_NAME = Text(1, 128)
_VARIABLE = Members({"name": Text(1, 128, r"^[a-zA-Z][a-zA-Z0-9_]*$"), "value": Text(1, 1_024)})
_TIMER = Members({"name": Text(1, 128), "seconds": Whole()})
_STATE = Members({"stateName": _STATE_NAME, "variables": Many(_VARIABLE), "timers": Many(_TIMER)})
_MESSAGE = Members(
    {"messageId": _ID, "inputName": Text(1, 128, r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"), "payload": Text()},
    {"timestamp": Members({}, {"timeInMillis": Whole(1, 2**63 - 1)})},
)
_ALARM = {"requestId": _ID, "alarmModelName": _MODEL}
_ALARM_MORE = {"keyValue": _KEY, "note": Text(most=256)}

type Query = Callable[[Mapping[str, Any], Ports, Knowledge], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`path` has `{member}` where it carries a member of the request. A batch names its `entries`, the member that
    tells them apart, and the member of the answer that lists those which failed; `each` does one of them, and is None
    where all are done together.
    """

    name: str
    method: str
    path: tuple[str, ...]
    shape: Members
    status: int = 200
    query: Query | None = None
    entries: str = ""
    entry_id: str = ""
    failures: str = ""
    each: Callable[..., None] | None = None


def _batch(name: str, path: tuple[str, ...], entries: str, shape: Members, failures: str, **more: Any) -> Operation:
    entry_id = "requestId" if "requestId" in shape.required else "messageId"
    return Operation(
        name=name,
        method="POST",
        path=path,
        shape=Members({entries: Many(shape, 1, MOST_ENTRIES, distinct=entry_id)}),
        entries=entries,
        entry_id=entry_id,
        failures=failures,
        **more,
    )


def _alarm_batch(action: CustomerActionName, required: Mapping[str, Whole]) -> Operation:
    word = action.lower()
    return _batch(
        f"Batch{word.capitalize()}Alarm",
        ("alarms", word),
        f"{word}ActionRequests",
        Members({**_ALARM, **required}, _ALARM_MORE),
        "errorEntries",
        status=202,
        each=partial(alarms.act, action),
    )


def _get(name: str, path: tuple[str, ...], optional: Mapping[str, Any], query: Query) -> Operation:
    member = path[1].strip("{}")
    return Operation(name=name, method="GET", path=path, shape=Members({member: _MODEL}, optional), query=query)


_DETECTOR = {"messageId": _ID, "detectorModelName": _MODEL}
OPERATIONS: Final[Mapping[str, Operation]] = {
    each.name: each
    for each in (
        _batch("BatchPutMessage", ("inputs", "messages"), "messages", _MESSAGE, "BatchPutMessageErrorEntries"),
        _batch(
            "BatchUpdateDetector",
            ("detectors",),
            "detectors",
            Members({**_DETECTOR, "state": _STATE}, {"keyValue": _KEY}),
            "batchUpdateDetectorErrorEntries",
            each=detectors.update,
        ),
        _batch(
            "BatchDeleteDetector",
            ("detectors", "delete"),
            "detectors",
            Members(_DETECTOR, {"keyValue": _KEY}),
            "batchDeleteDetectorErrorEntries",
            each=detectors.delete,
        ),
        _get(
            "DescribeDetector",
            ("detectors", "{detectorModelName}", "keyValues"),
            {"keyValue": _KEY},
            detectors.describe,
        ),
        _get(
            "ListDetectors",
            ("detectors", "{detectorModelName}"),
            {"stateName": _STATE_NAME, **_PAGE},
            detectors.list_detectors,
        ),
        _get("DescribeAlarm", ("alarms", "{alarmModelName}", "keyValues"), {"keyValue": _KEY}, alarms.describe),
        _get("ListAlarms", ("alarms", "{alarmModelName}"), _PAGE, alarms.list_alarms),
        *(
            _alarm_batch(action, {"snoozeDuration": Whole()} if action is CustomerActionName.SNOOZE else {})
            for action in CustomerActionName
        ),
    )
}


def operation_of(request: Request) -> tuple[Operation, dict[str, Any]]:
    """Which one a request is for, and its members, wherever they stood; raises ApiError."""
    for operation in OPERATIONS.values():
        members = _carried(operation, request)
        if members is not None:
            return operation, members
    path = "/".join(request.path)
    raise ApiError(ErrorCode.UNKNOWN_OPERATION, f"There is no operation at {request.method} /{path}")


def _carried(operation: Operation, request: Request) -> dict[str, Any] | None:
    if operation.method != request.method or len(operation.path) != len(request.path):
        return None
    pairs = list(zip(operation.path, request.path, strict=True))
    if any(part != given for part, given in pairs if not part.startswith("{")):
        return None
    if operation.method == "POST":
        return request.document()
    in_path = {part.strip("{}"): given for part, given in pairs if part.startswith("{")}
    return {name: _read(operation.shape.optional.get(name), text) for name, text in request.query.items()} | in_path


def _read(shape: Any, text: str) -> Any:
    """A number stands in a query as text; what is none is left for the shape to refuse."""
    is_number = isinstance(shape, Whole) and text.removeprefix("-").isdecimal() and len(text) < 20
    return int(text) if is_number else text
