"""A nested stack's template is transformed like its parent's, so that SAM resources may stand in a child.

Upstream parses the child's template, checks the capabilities it needs, and goes on with its resources as they stand.
The transforms are applied in between, after the check: whether a child has a macro is seen before it is expanded.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import engine, provisioners

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.cloudformation.provisioners:_check_nested_stack_capabilities", "1b0566cd9f40eba9"),
    Upstream("ministack.services.cloudformation.provisioners:_cfn_nested_stack_deploy", "66d29efafd8a6e02"),
    Upstream("ministack.services.cloudformation.engine:_apply_transforms", "d3f0e05e08db154a"),
    Upstream("ministack.services.cloudformation.engine:_TransformFailed", "45d2b78dd7d6c602"),
)

type Check = Callable[[str, dict[str, Any]], None]


def install() -> None:
    check = provisioners._check_nested_stack_capabilities  # noqa: SLF001 - the mend
    provisioners._check_nested_stack_capabilities = _checking_then_transforming(check)  # noqa: SLF001 - the mend


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
