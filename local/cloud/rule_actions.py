"""Topic rules: every action type, substitution templates, and no message that leaves a rule in silence.

MiniStack knows five actions and skips the others, expands no `${...}`, parses the whole payload of every message (and
ends the session of a device whose JSON it cannot read), and drops what it cannot select. Here every message that
matches a rule ends in its action or in its errorAction.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from ministack.services import iot

from local.cloud import rule_metrics
from local.cloud.rule_deliveries import DELIVERIES, Delivery, RuleActionError
from local.cloud.rule_message import UNDEFINED, Message
from local.cloud.substitution_logic import expand
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.iot:_run_rule_actions", "d369ff485772aac6"),
    Upstream("ministack.services.iot:_dispatch_rule_action", "2cc290cef1d21e1e"),
    Upstream("ministack.services.iot:_dispatch_rule_error_action", "9a06825b20ab9d47"),
    Upstream("ministack.services.iot:_evaluate_topic_rules", "b679705347ec4002"),
    Upstream("ministack.services.iot:broker_publish", "81fae59fc9dfe2be"),
    Upstream("ministack.services.iot:_dispatch_rule_sqs", "7fd16790d8a1b99d"),
    Upstream("ministack.services.iot:_dispatch_rule_dynamodb", "604ac1f2ed7bb105"),
    Upstream("ministack.services.iot:_rule_role_principal", "601a05889bb2b420"),
    Upstream("ministack.services.iot:_rule_where_clause", "7ea4ae86e6ff6592"),
    Upstream("ministack.services.iot:_rule_select_clause", "50612f6bedf8a071"),
    Upstream("ministack.services.iot:_rule_topic_filter", "1879d0034deef918"),
    Upstream("ministack.services.iot:_split_select_items", "e67060c447e77c38"),
    Upstream("ministack.services.iot:_split_select_alias", "088100cdd7bf4460"),
    Upstream("ministack.services.iot:_select_default_key", "1a493977d776b5d0"),
    Upstream("ministack.services.iot:_sql_string_value", "79bdc6cec2c7f09a"),
    Upstream("ministack.services.iot:_eval_select_expr", "daadc183340644cf"),
    Upstream("ministack.services.iot:_eval_select_function", "10cc7b507014b560"),
    Upstream("ministack.services.iot:_eval_where", "fc3579e5f6a4ccff"),
    Upstream("ministack.services.iot:_parse_where", "153026527b844862"),
    Upstream("ministack.services.kinesis:put_record_internal", "fc637414f1cce84e"),
    Upstream("ministack.services.firehose:ingest_from_kinesis_source", "7dceac1c06ae2037"),
    Upstream("ministack.services.kinesis:_put_record", "010c2796f340429f"),
    Upstream("ministack.services.kinesis:_expire_records", "9f3968926430b696"),
    Upstream("ministack.services.firehose:_put_record", "6a7ed0471aef7e04"),
    Upstream("ministack.services.s3:_put_object", "cf5861e4d9999243"),
    Upstream("ministack.services.sns:publish_internal", "f979fc53e1eb274f"),
    Upstream("ministack.services.stepfunctions:_start_execution", "9923282fc76c57b9"),
    Upstream("ministack.services.lambda_svc:_get_func_record_for_ref_in_scope", "e15d66d84246d2ac"),
    Upstream("ministack.services.lambda_svc:_execution_record_for_config", "632acaa44892bdae"),
    Upstream("ministack.services.lambda_svc:invoke_async_with_retry", "289fe4d3cbd4089b"),
    Upstream("ministack.services.cloudwatch:record_metric", "7f777bfbe523a0c5"),
)

type Guard = Callable[[Delivery], None]

GUARDS: list[Guard] = []
"""Asked before each action is carried out; one that raises fails the action."""

TEMPLATED = {
    "dynamoDBv2": ("putItem",),
    "firehose": ("deliveryStreamName",),
    "kinesis": ("streamName", "partitionKey"),
    "lambda": ("functionArn",),
    "republish": ("topic", "qos"),
    "s3": ("bucketName", "key", "cannedAcl"),
    "sns": ("targetArn",),
    "sqs": ("queueUrl",),
    "stepFunctions": ("stateMachineName", "executionNamePrefix"),
}
"""The fields of each action that take substitution templates; a roleArn takes none.
https://docs.aws.amazon.com/iot/latest/developerguide/iot-substitution-templates.html and each action's own page."""

_RESOURCES = {
    "firehose": ("deliveryStreamName",),
    "kinesis": ("streamName",),
    "s3": ("bucketName",),
    "stepFunctions": ("stateMachineName",),
}
"""What the errorAction's document names as failedResource, for the actions that MiniStack lacks."""

_PARSERS = ("_rule_topic_filter", "_split_select_items", "_rule_select_clause", "_rule_where_clause", "_parse_where")
"""Pure functions of a rule's SQL that MiniStack runs again for every message."""

_BASIC_INGEST = "$aws/rules/"

_message: ContextVar[Message] = ContextVar("message")
_broker_publish = iot.broker_publish


def install() -> None:
    for name in _PARSERS:
        setattr(iot, name, lru_cache(maxsize=1024)(getattr(iot, name)))
    iot._RULE_ACTION_RESOURCE_KEYS.update(_RESOURCES)  # noqa: SLF001 - the table behind failedResource
    iot._run_rule_actions = run_rule  # noqa: SLF001 - the mend
    iot._dispatch_rule_action = dispatch  # noqa: SLF001 - the mend
    iot.broker_publish = publish


async def publish(account_id: str, region: str, topic: str, *arguments: Any, **named: Any) -> None:
    """MiniStack's own publish, which drops a Basic Ingest message for a rule that is not there without a count."""
    if topic.startswith(_BASIC_INGEST):
        rule_name = topic.removeprefix(_BASIC_INGEST).partition("/")[0]
        if iot._topic_rules.get_scoped(account_id, region, rule_name) is None:  # noqa: SLF001 - the rules' only store
            rule_metrics.count(account_id, region, "RuleNotFound", rule_name)
    await _broker_publish(account_id, region, topic, *arguments, **named)


async def run_rule(  # noqa: PLR0917 - the signature it stands in for
    account_id: str,
    region: str,
    rule: dict[str, Any] | None,
    payload: bytes | None,
    topic: str = "",
    client_id: str | None = None,
) -> None:
    """Evaluate one rule for one message; what fails reaches the rule's errorAction, never the publisher."""
    if not rule or rule.get("ruleDisabled"):
        return
    rule_metrics.count(account_id, region, "TopicMatch", rule.get("ruleName", ""))
    message = Message(topic, payload or b"", client_id)
    token = _message.set(message)
    try:
        failures = await _failures(account_id, region, rule, message)
        if failures:
            await iot._dispatch_rule_error_action(  # noqa: SLF001 - MiniStack's error document, through `dispatch` again
                account_id, region, rule, topic, message.payload, client_id, failures
            )
    finally:
        _message.reset(token)


async def _failures(account_id: str, region: str, rule: dict[str, Any], message: Message) -> list[dict[str, str]]:
    """Carry the actions out, one failing never stops another; those that failed, as the error document has them."""
    sql, name, actions = rule.get("sql", ""), rule.get("ruleName", ""), rule.get("actions") or []
    try:
        if not message.matches(sql):
            return []
        event = message.select(sql)
    except Exception as error:  # noqa: BLE001 - whatever a payload does to the evaluator, its bytes must reach the errorAction
        return [_failure(name, action, error) for action in actions]
    failures = []
    for action in actions:
        try:
            await dispatch(account_id, region, name, action, event)
        except Exception as error:  # noqa: BLE001 - one failed action must not stop the others
            failures.append(_failure(name, action, error))
    return failures


def _failure(rule_name: str, action: dict[str, Any], error: Exception) -> dict[str, str]:
    action_type = next(iter(action), "")
    reason = str(error) if isinstance(error, (RuleActionError, ValueError)) else f"{type(error).__name__}: {error}"
    iot._broker_logger.warning("IoT rule %s: %s action failed: %s", rule_name, action_type, reason)  # noqa: SLF001 - where MiniStack tells it
    return {
        "failedAction": iot._rule_action_name(action_type),  # noqa: SLF001 - MiniStack's measured names
        "failedResource": iot._rule_action_resource(action, action_type),  # noqa: SLF001 - likewise
        "errorMessage": reason,
    }


async def dispatch(account_id: str, region: str, rule_name: str, action: dict[str, Any], event: Any) -> None:
    """Carry out one action or errorAction; raises when it fails."""
    action_type = next(iter(action), "")
    try:
        await _carry_out(account_id, region, rule_name, action_type, action.get(action_type) or {}, event)
    except Exception:
        rule_metrics.count(account_id, region, "Failure", rule_name, _metric_name(action_type))
        raise
    rule_metrics.count(account_id, region, "Success", rule_name, _metric_name(action_type))


async def _carry_out(  # noqa: PLR0917 - what makes a Delivery, once its fields are expanded
    account_id: str, region: str, rule_name: str, action_type: str, fields: dict[str, Any], event: Any
) -> None:
    carry_out = DELIVERIES.get(action_type)
    if carry_out is None:
        raise RuleActionError(f"the local cloud has no '{action_type}' action")
    expanded = _expanded(fields, TEMPLATED[action_type])
    delivery = Delivery(account_id, region, rule_name, action_type, expanded, event)
    for guard in GUARDS:
        guard(delivery)
    await carry_out(delivery)


def _expanded(fields: dict[str, Any], templated: tuple[str, ...]) -> dict[str, Any]:
    """A copy of an action's fields with the templates of `templated` expanded for the message being handled."""
    return {name: _expand(value) if name in templated else value for name, value in fields.items()}


def _expand(value: Any) -> Any:
    if isinstance(value, str):
        return expand(value, _value)
    if isinstance(value, dict):
        return {name: _expand(inner) for name, inner in value.items()}
    return value


def _value(expression: str) -> Any:
    """None where the rule SQL answers Undefined."""
    value = _message.get().evaluate(expression)
    return None if value is UNDEFINED else value


def _metric_name(action_type: str) -> str:
    return action_type[:1].upper() + action_type[1:]
