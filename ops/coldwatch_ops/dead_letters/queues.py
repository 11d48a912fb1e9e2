"""The dead-letter queues of a stack, by the name that people say, and what their letters come from."""

from typing import Final

RULE_ERRORS: Final = "rule-errors"
STORE_TELEMETRY: Final = "store-telemetry"
EVALUATE_DETECTORS: Final = "evaluate-detectors"
PRESENCE: Final = "presence"
EFFECTS: Final = "effects"
TIMERS: Final = "timers"
SCHEDULES: Final = "schedules"
COMMAND_RESPONSES: Final = "command-responses"
DELIVERIES: Final = "deliveries"

QUEUES: Final = {
    RULE_ERRORS: "RuleErrorQueueUrl",
    STORE_TELEMETRY: "StoreTelemetryDeadLetterQueueUrl",
    EVALUATE_DETECTORS: "EvaluateDetectorsDeadLetterQueueUrl",
    EFFECTS: "EffectDeadLetterQueueUrl",
    TIMERS: "TimerDeadLetterQueueUrl",
    PRESENCE: "PresenceDeadLetterQueueUrl",
    COMMAND_RESPONSES: "CommandResponseDeadLetterQueueUrl",
    DELIVERIES: "DeliveryDeadLetterQueueUrl",
    SCHEDULES: "ScheduleDeadLetterQueueUrl",
}
"""The stack's outputs."""

INVOKED: Final = {
    PRESENCE: "RecordPresenceFunctionName",
    COMMAND_RESPONSES: "RecordCommandResponseFunctionName",
    DELIVERIES: "RecordDeliveryFunctionName",
}
"""Functions whose failed events a queue keeps; the stack's outputs."""
