"""A nested stack is deployed like its parent: SAM resources may stand in it, and an update keeps what it knows.

Upstream parses a child's template, checks the capabilities it needs, and goes on with its resources as they stand. The
transforms are applied in between, after the check: whether a child has a macro is seen before it is expanded.
When a child is updated, upstream forgets the attributes of each resource that the update leaves alone, so that
`!GetAtt` on it fails; a parent's update does not.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from collections.abc import Callable
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.cloudformation.provisioners:_check_nested_stack_capabilities", "1b0566cd9f40eba9"),
    Upstream("ministack.services.cloudformation.provisioners:_cfn_nested_stack_deploy", "66d29efafd8a6e02"),
    Upstream("ministack.services.cloudformation.provisioners:_update_resource", "21b9b1207f59a864"),
    Upstream("ministack.services.cloudformation.engine:_apply_transforms", "d3f0e05e08db154a"),
    Upstream("ministack.services.cloudformation.engine:_TransformFailed", "45d2b78dd7d6c602"),
    Upstream("ministack.services.cloudformation:_stacks", "b3ec7ef34d32b855"),
)

type Check = Callable[[str, dict[str, Any]], None]
type Attributes = dict[str, Any]
type Update = Callable[..., tuple[str, Attributes]]


def install() -> None:
    check, update = provisioners._check_nested_stack_capabilities, provisioners._update_resource  # noqa: SLF001 - the mend
    provisioners._check_nested_stack_capabilities = _checking_then_transforming(check)  # noqa: SLF001 - the mend
    provisioners._update_resource = _keeping_attributes(update)  # noqa: SLF001 - the mend


def _checking_then_transforming(check: Check) -> Check:
    def check_and_transform(parent: str, template: dict[str, Any]) -> None:
        check(parent, template)
        transformed = engine._apply_transforms(template)  # noqa: SLF001 - as upstream does for a parent
        if isinstance(transformed, engine._TransformFailed):  # noqa: SLF001 - what it answers for a failure
            raise ValueError(transformed.error)  # noqa: TRY004 - as upstream fails a template
        if transformed is not template:
            template.clear()
            template.update(transformed)

    return check_and_transform


def _keeping_attributes(update: Update) -> Update:
    """The update of a child's resource; a parent's is bound elsewhere, and passes the attributes itself."""

    def update_and_keep(*asked: Any) -> tuple[str, Attributes]:
        _kind, physical_id, _old, _new, stack, logical_id = asked
        before = _attributes(stack, logical_id)
        after_id, after = update(*asked, before)
        return after_id, {**before, **after} if after_id == physical_id else after

    return update_and_keep


def _attributes(stack: str, logical_id: str) -> Attributes:
    resources = (cloudformation._stacks.get(stack) or {}).get("_resources", {})  # noqa: SLF001 - the store has no other reader
    return dict(resources.get(logical_id, {}).get("Attributes") or {})
