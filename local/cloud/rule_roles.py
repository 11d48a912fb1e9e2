"""Topic rules act under their roles: an action whose role lacks the permission fails, as it would on AWS.

MiniStack carries rule actions out whatever their role allows. Asked here: the role's trust in iot.amazonaws.com and
its permission for the action's own call; for Lambda, the function's resource policy.
https://docs.aws.amazon.com/iot/latest/developerguide/iot-create-role.html and each action's own page.
"""

from collections.abc import Callable

from ministack.core import iam_evaluator as iam
from ministack.core.responses import request_scope
from ministack.services import lambda_svc

from local.cloud import rule_actions, service_roles
from local.cloud.rule_deliveries import Delivery, RuleActionError, republish_topic, state_machine_arn
from local.cloud.upstream import Upstream

WRAPS = (
    *service_roles.RELIES_ON,
    Upstream("ministack.services.lambda_svc:_get_base_func_record_for_ref", "ae6bfc449ba542b1"),
)

_SERVICE = "iot.amazonaws.com"


def install() -> None:
    rule_actions.GUARDS.append(refuse_unless_allowed)


def refuse_unless_allowed(delivery: Delivery) -> None:
    """Fail an action that AWS would not let the rule carry out; the sentence reaches the rule's errorAction."""
    rule_arn = f"arn:aws:iot:{delivery.region}:{delivery.account_id}:rule/{delivery.rule_name}"
    with request_scope(delivery.account_id, delivery.region):
        denial = (
            _function_denial(delivery, rule_arn) if delivery.action_type == "lambda" else _denial(delivery, rule_arn)
        )
    if denial is not None:
        raise RuleActionError(denial)


def _denial(delivery: Delivery, rule_arn: str) -> str | None:
    action, resource = CALLS[delivery.action_type]
    role_arn = delivery.fields.get("roleArn") or ""
    return service_roles.service_role_denial(role_arn, _SERVICE, action, resource(delivery), source_arn=rule_arn)


def _function_denial(delivery: Delivery, rule_arn: str) -> str | None:
    """A lambda action has no role: the function itself must let IoT invoke it, for this rule."""
    arn = delivery.field("functionArn")
    function, _config, _name = lambda_svc._get_base_func_record_for_ref(arn)  # noqa: SLF001 - where MiniStack keeps the policy
    if function is None or not service_roles.is_enforced():
        return None
    asked = iam.EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account=delivery.account_id,
        action="lambda:InvokeFunction",
        resource_arn=arn,
        region=delivery.region,
        service_context={"aws:sourcearn": rule_arn, "aws:sourceaccount": delivery.account_id},
    )
    if iam.evaluate_resource_policy(function.get("policy"), asked, service=_SERVICE).decision == "Allow":
        return None
    return f"function {arn} does not let {_SERVICE} lambda:InvokeFunction for {rule_arn}: no permission says so"


def _arn(service: str, resource: str) -> Callable[[Delivery], str]:
    """The ARN of `resource`, in which `{}` is the field named before the colon, in the rule's account and region."""
    field, _, form = resource.partition(":")
    return lambda delivery: (
        f"arn:aws:{service}:{delivery.region}:{delivery.account_id}:{form.format(delivery.field(field))}"
    )


def _topic_arn(delivery: Delivery) -> str:
    return f"arn:aws:iot:{delivery.region}:{delivery.account_id}:topic/{republish_topic(delivery)}"


def _table_arn(delivery: Delivery) -> str:
    table = (delivery.fields.get("putItem") or {}).get("tableName") or ""
    return f"arn:aws:dynamodb:{delivery.region}:{delivery.account_id}:table/{table}"


def _queue_arn(delivery: Delivery) -> str:
    """A queue's URL ends in its account and name."""
    account, name = delivery.field("queueUrl").rstrip("/").split("/")[-2:]
    return f"arn:aws:sqs:{delivery.region}:{account}:{name}"


CALLS: dict[str, tuple[str, Callable[[Delivery], str]]] = {
    "dynamoDBv2": ("dynamodb:PutItem", _table_arn),
    "firehose": ("firehose:PutRecord", _arn("firehose", "deliveryStreamName:deliverystream/{}")),
    "kinesis": ("kinesis:PutRecord", _arn("kinesis", "streamName:stream/{}")),
    "republish": ("iot:Publish", _topic_arn),
    "s3": ("s3:PutObject", lambda delivery: f"arn:aws:s3:::{delivery.field('bucketName')}/{delivery.field('key')}"),
    "sns": ("sns:Publish", lambda delivery: delivery.field("targetArn")),
    "sqs": ("sqs:SendMessage", _queue_arn),
    "stepFunctions": ("states:StartExecution", state_machine_arn),
}
"""What each action calls, and on which resource."""
