"""What an external action sends."""

from typing import Any, Final
from uuid import UUID, uuid3

import msgspec

from coldwatch.engine.documents import MAX_DEPTH, is_deeper, json_fault
from coldwatch.engine.errors import EvaluationError, Level
from coldwatch.engine.evaluation import Trigger
from coldwatch.engine.model import PayloadTemplate
from coldwatch.engine.run import Run
from coldwatch.engine.values import text_of, type_name

_NAMESPACE: Final = UUID("6f1c1f5e-3c0e-4c51-9c9b-5d1d6a3a7a10")


def action_execution_id(run: Run) -> str:
    """Deterministic, and another for every action of every evaluation. The service's were name-based (version 3), too.

    The name holds no separator that a part could hold, so that no two evaluations share one.
    """
    trigger = run.trigger
    parts = (
        run.model.name,
        run.model.version,
        run.key,
        trigger.input_name,
        trigger.message_id,
        trigger.timer_name,
        run.now_ms,
        len(run.actions),
    )
    return named_id(parts)


def named_id(parts: tuple[Any, ...]) -> str:
    return str(uuid3(_NAMESPACE, msgspec.json.encode(parts)))


def default_payload(run: Run, event_name: str, execution_id: str) -> dict[str, Any]:
    """As the service sent it. Nobody published one of a timer: `timerName`, and due times under `timers`, are ours.

    Variables and timers come in the order of their names, however the detector came by them.
    """
    return {
        "eventTime": run.now_ms,
        "payload": {
            "actionExecutionId": execution_id,
            "detector": _detector(run),
            "eventTriggerDetails": trigger_details(run.trigger),
            "state": {
                "stateName": run.state,
                "variables": dict(sorted(run.variables.items())),
                "timers": {name: timer.due_ms for name, timer in sorted(run.timers.items())},
            },
        },
        "eventName": event_name,
    }


def _detector(run: Run) -> dict[str, str]:
    return {
        "detectorModelName": run.model.name,
        **({} if run.key is None else {"keyValue": run.key}),
        "detectorModelVersion": run.model.version,
    }


def trigger_details(trigger: Trigger) -> dict[str, Any]:
    match trigger.type:
        case "timer":
            return {"triggerType": "Timer", "timerName": trigger.timer_name}
        case "customerAction":
            return {"triggerType": "CustomerAction", "actionName": trigger.action_name}
        case "message":
            return {"inputName": trigger.input_name, "messageId": trigger.message_id, "triggerType": "Message"}


def own_payload(run: Run, template: PayloadTemplate, event_name: str) -> Any:
    """The content expression's text, or the array, object, number or Boolean that it is where the type says JSON.

    A JSON text or null stays written as it was, as `"text"` and `null`: that is what is sent. So does what is no JSON
    after all, with a warning, as the service did.
    """
    content = template.content
    value = run.value(content)
    if template.type == "STRING":
        return text_of(value)
    if not isinstance(value, str):
        raise EvaluationError(f"a JSON payload must be made as a String, not as {type_name(value)}")
    try:
        decoded = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        told = f"the payload is not valid JSON: {json_fault(error)}"
    else:
        if not is_deeper(decoded, MAX_DEPTH):
            return value if decoded is None or isinstance(decoded, str) else decoded
        told = f"the payload is nested more than {MAX_DEPTH} levels deep, and sent as text"
    run.note(Level.WARNING, event_name, EvaluationError(told), content)
    return value
