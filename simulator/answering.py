"""What a device answers to the commands it hears. Pure: what it remembers and a request in, its answers out.

One execution, one answer: a request that comes again is answered with the same bytes, and what it asks for is done
once. So a command may be sent as often as it takes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.device import FIRMWARE
from simulator.scenario import How

DEFROST_S = 1.0
LATE_S = 1.0
"""So long after the request has expired comes a late answer."""
_COLDEST_C, _WARMEST_C = -90, 60


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a device has done because it was told to."""

    execution_id: str
    command: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes for the response topic, to be published so many seconds from now."""

    delay_s: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """What a device keeps of its commands: the final answer to each execution, and what it did, in order."""

    answered: Mapping[str, bytes] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a request. `act` is what was done because of it, this time."""

    memory: Memory
    answers: tuple[Answer, ...] = ()
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    execution_id: str
    device_id: str
    command: str
    parameters: Mapping[str, Any]
    expires_at: int


type _Verdict = tuple[str, str, str, Mapping[str, Any] | None]
"""Status, reason code, reason description and result."""


def hear(memory: Memory, payload: bytes, *, thing: str, how: How, now_ms: int) -> Heard:
    """Answer a request. One that cannot be read, or of a device that never answers, leaves no trace."""
    request = _read(payload)
    if request is None or how is How.NEVER:
        return Heard(memory)
    known = memory.answered.get(request.execution_id)
    if known is not None:
        return Heard(memory, _sendings(request, known, how, now_ms))
    verdict = _judge(request, thing, how, now_ms)
    final = _response(request, verdict, now_ms)
    act = Act(request.execution_id, request.command, request.parameters) if verdict[0] == "SUCCEEDED" else None
    memory = replace(
        memory,
        answered={**memory.answered, request.execution_id: final},
        acts=(*memory.acts, act) if act else memory.acts,
    )
    return Heard(memory, _sendings(request, final, how, now_ms, is_slow=act is not None), act)


def _read(payload: bytes) -> _Request | None:
    try:
        document = json.loads(payload)
    except ValueError:
        return None
    match document:
        case {
            "execution_id": str(execution_id),
            "device_id": str(device_id),
            "command": str(command),
            "parameters": dict(parameters),
            "expires_at": int(expires_at),
        }:
            return _Request(execution_id, device_id, command, parameters, expires_at)
    return None


def _judge(request: _Request, thing: str, how: How, now_ms: int) -> _Verdict:
    if now_ms >= request.expires_at:
        return "REJECTED", "EXPIRED", "The request came too late to be carried out.", None
    if request.device_id != thing:
        return "REJECTED", "UNKNOWN_DEVICE", f"This is {thing}, which speaks for nobody else.", None
    if how is How.REJECTED:
        return "REJECTED", "LOCAL_CONTROL", "Somebody works on the device by hand.", None
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
    if how is How.FAILED:
        return "FAILED", "ACTUATOR_FAULT", "It was tried, and did not work.", None
    return "SUCCEEDED", "DONE", "", _result(request, thing)


def _refusal(request: _Request) -> _Verdict | None:
    match request.command, request.parameters:
        case "set_point", {"celsius": int() | float() as celsius} if _COLDEST_C <= celsius <= _WARMEST_C:
            return None
        case "set_point", _:
            sentence = f"set_point takes celsius, from {_COLDEST_C} to {_WARMEST_C}."
            return "REJECTED", "INVALID_PARAMETERS", sentence, None
        case "defrost" | "report_now" | "identify", _:
            return None
    return "REJECTED", "UNKNOWN_COMMAND", "The device knows set_point, defrost, report_now and identify.", None


def _result(request: _Request, thing: str) -> Mapping[str, Any] | None:
    match request.command:
        case "set_point":
            return {"celsius": request.parameters["celsius"]}
        case "identify":
            return {"thing": thing, "firmware": FIRMWARE}
    return None


def _response(request: _Request, verdict: _Verdict, now_ms: int) -> bytes:
    status, code, description, result = verdict
    document: dict[str, Any] = {
        "execution_id": request.execution_id,
        "status": status,
        "status_reason": {"reason_code": code, "reason_description": description},
        "timestamp": now_ms,
    }
    return json.dumps(document | ({"result": result} if result else {}), separators=(",", ":")).encode()


def _sendings(request: _Request, final: bytes, how: How, now_ms: int, *, is_slow: bool = False) -> tuple[Answer, ...]:
    """The final answer when it is due, and before it what a slow command says at once."""
    is_slow = is_slow and request.command == "defrost"
    delay_s = DEFROST_S if is_slow else 0.0
    if how is How.LATE:
        delay_s = max(0.0, (request.expires_at - now_ms) / 1000) + LATE_S
    started = ("IN_PROGRESS", "STARTED", "It defrosts.", None)
    first = (Answer(0.0, _response(request, started, now_ms)),) if is_slow else ()
    return (*first, *(Answer(delay_s, final) for _ in range(2 if how is How.TWICE else 1)))
