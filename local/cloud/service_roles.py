"""Whether a role lets an AWS service do something: the check that MiniStack makes for callers, made for services.

MiniStack enforces IAM for those who call it and for Lambda functions (`AUTH=true`), but not for the roles that rules,
Firehose and state machines act under. A mend that acts for a service asks here first.
"""

from time import monotonic
from typing import Any

from ministack.core import iam_evaluator as iam
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import iam as roles

from local.cloud.upstream import Upstream

RELIES_ON = (
    Upstream("ministack.core.iam_evaluator:evaluate", "2a5dd6932d1aca6a"),
    Upstream("ministack.core.iam_evaluator:evaluate_resource_policy", "e49ce7161ad63e35"),
    Upstream("ministack.core.iam_evaluator:combine_resource_policy", "3972f81213f8b84b"),
    Upstream("ministack.core.iam_evaluator:EvalContext", "f5769904b3fa1d4e"),
    Upstream("ministack.core.iam_evaluator:_gather_role_policies", "d83d1661b86595ac"),
    Upstream("ministack.core.iam_evaluator:_permissions_boundary", "55c125bd0cf5cfe7"),
    Upstream("ministack.core.iam_evaluator:_resource_policy", "dec265f9a9030695"),
)
"""A mend that imports this module adds these to its own WRAPS."""

ALLOWED_FOR_S = 1.0
"""How long an allowance is remembered, so that a rule's hot path costs one lookup. A denial is never remembered."""

_REMEMBERED = 4096
_SESSION = "coldwatch"
_SENDS_ACCOUNT_AS_EXTERNAL_ID = frozenset({"firehose.amazonaws.com"})
"""https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html"""

_allowed: dict[tuple[str, ...], float] = {}


def service_role_denial(
    role_arn: str, service_principal: str, action: str, resource_arn: str, *, source_arn: str = ""
) -> str | None:
    """Why `service_principal`, acting under `role_arn`, may not do `action` on `resource_arn`; None when it may.

    The answer is a sentence naming role, action and resource, for the failure that the service reports. Decided, as
    IAM does for a role session in one account: the role exists and its trust policy lets the service assume it
    (`aws:SourceAccount` and `aws:SourceArn` are `source_arn`'s, or the current account's); then an Allow in the role's
    policies, within its permissions boundary, or in the resource's own policy, and no Deny in any of them.

    `action` is IAM's name (`kinesis:PutRecord`); `resource_arn` must be whole, as IAM would see it. Without AUTH=true
    nothing is denied, as everywhere in MiniStack. An allowance is remembered for ALLOWED_FOR_S; any thread may call.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    question = (role_arn, service_principal, action, resource_arn, source_arn)
    if _allowed.get(question, 0.0) > monotonic():
        return None
    denial = _denial(*question)
    if denial is None:
        _remember(question)
    return denial


def is_enforced() -> bool:
    """Whether this cloud runs with AUTH=true."""
    from ministack.app import AUTH  # noqa: PLC0415 - the application binds what mends replace, so it is imported last

    return bool(AUTH)


def _remember(question: tuple[str, ...]) -> None:
    if len(_allowed) >= _REMEMBERED:
        _allowed.clear()
    _allowed[question] = monotonic() + ALLOWED_FOR_S


def _denial(role_arn: str, service_principal: str, action: str, resource_arn: str, source_arn: str) -> str | None:
    if not is_enforced():
        return None
    role = _role(role_arn)
    if role is None:
        named = role_arn or "(none given)"
        return f"role {named} does not exist, so {service_principal} may not {action} on {resource_arn}"
    if not _trusts(role, service_principal, source_arn):
        return f"role {role_arn} does not trust {service_principal}, so it may not {action} on {resource_arn}"
    decision = _decision(role, action, resource_arn)
    if decision == "Allow":
        return None
    why = "a policy denies it" if decision == "Deny" else "no policy allows it"
    return f"role {role_arn} may not {action} on {resource_arn}: {why}"


def _role(role_arn: str) -> dict[str, Any] | None:
    """The stored role; a path counts, so that an ARN with the wrong one names no role."""
    try:
        arn = parse_arn(role_arn)
    except ArnParseError:
        return None
    role: dict[str, Any] | None = roles._roles.get_scoped(arn.account_id, None, arn.resource.rsplit("/", 1)[-1])  # noqa: SLF001 - the store has no other reader
    return role if role and role["Arn"] == role_arn else None


def _trusts(role: dict[str, Any], service_principal: str, source_arn: str) -> bool:
    source_account = (source_arn.split(":") + [""] * 5)[4] or get_account_id()
    asked = iam.EvalContext(
        principal_arn=service_principal,
        principal_type="Service",
        principal_account=get_account_id(),
        action="sts:AssumeRole",
        resource_arn=role["Arn"],
        region=get_region(),
        service_context={
            "aws:sourceaccount": source_account,
            "aws:sourcearn": source_arn or None,
            "sts:externalid": get_account_id() if service_principal in _SENDS_ACCOUNT_AS_EXTERNAL_ID else None,
        },
    )
    trust = iam.evaluate_resource_policy(role["AssumeRolePolicyDocument"], asked, service=service_principal)
    return bool(trust.decision == "Allow")


def _decision(role: dict[str, Any], action: str, resource_arn: str) -> str:
    """Allow, Deny or ImplicitDeny."""
    account, service = parse_arn(role["Arn"]).account_id, action.partition(":")[0]
    asked = _session_context(role, account, action, resource_arn)
    policies = iam._gather_role_policies(role["RoleName"], account)  # noqa: SLF001 - MiniStack offers this only to its own request path
    limits = iam._permissions_boundary(roles._roles, role["RoleName"], account)  # noqa: SLF001 - likewise
    result = iam.evaluate(asked, policies, *limits)
    with request_scope(account, asked.region):
        own = iam._resource_policy(service, resource_arn)  # noqa: SLF001 - likewise
        if own is not None:
            required = service in iam._POLICY_REQUIRED  # noqa: SLF001 - likewise
            result = iam.combine_resource_policy(result, asked, *own, required=required, limits=limits)
    return str(result.decision)


def _session_context(role: dict[str, Any], account: str, action: str, resource_arn: str) -> Any:
    tags = {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in role.get("Tags") or []}
    return iam.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{_SESSION}",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=_region(resource_arn),
        secure_transport=True,  # services speak TLS among themselves
        principal_keys={"aws:userid": f"{role['RoleId']}:{_SESSION}", **tags},
    )


def _region(resource_arn: str) -> str:
    """The resource's region; the current one for what has none, such as a bucket."""
    parts = resource_arn.split(":")
    return (parts[3] if len(parts) > 3 else "") or get_region()
