"""`aws:PrincipalArn` of a role's session is the role, as AWS documents it; MiniStack gives the session.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam

from local.cloud.upstream import Upstream

WRAPS = (Upstream("ministack.core.iam_evaluator:_resolve_condition_key", "15e26964cd38f32c"),)

_SESSION = ":assumed-role/"


def install() -> None:
    resolve = iam_evaluator._resolve_condition_key  # noqa: SLF001 - the only reader of condition keys

    def resolved(key: str, context: Any) -> Any:
        value = resolve(key, context)
        return role_arn(value) if key.lower() == "aws:principalarn" and isinstance(value, str) else value

    iam_evaluator._resolve_condition_key = resolved  # noqa: SLF001 - the mend


def role_arn(principal: str) -> str:
    """The role of a session, with its path; any other principal as it is."""
    if _SESSION not in principal:
        return principal
    account, _, rest = principal.partition("::")[2].partition(_SESSION)
    name = rest.partition("/")[0]
    role = iam._roles.get_scoped(account, None, name)  # noqa: SLF001 - the roles' only store
    return str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{name}"
