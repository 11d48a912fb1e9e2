"""The parts of a stack, by CloudFormation's own list: the only evidence that something belongs to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch_ops.aws_errors import aws_exceptions
from coldwatch_ops.stack import Account

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

BUCKET = "AWS::S3::Bucket"
TABLE = "AWS::DynamoDB::Table"
FUNCTION = "AWS::Lambda::Function"
LOG_GROUP = "AWS::Logs::LogGroup"
THING_TYPE = "AWS::IoT::ThingType"
THING_GROUP = "AWS::IoT::ThingGroup"
POLICY = "AWS::IoT::Policy"
THING = "AWS::IoT::Thing"
CERTIFICATE = "AWS::IoT::Certificate"

DELETED = "DELETE_COMPLETE"
_KEPT = "DELETE_SKIPPED"


@dataclass(frozen=True)
class Part:
    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True)
class StackParts:
    stack_name: str
    stack_id: str
    status: str
    is_protected: bool
    """Termination protection, which somebody switched on for this stack."""
    parts: tuple[Part, ...]
    """Without those that CloudFormation has deleted."""

    @property
    def is_deleted(self) -> bool:
        return self.status == DELETED

    def named(self, part_type: str) -> tuple[str, ...]:
        """Physical ids of the parts of this type."""
        return tuple(part.physical_id for part in self.parts if part.type == part_type)

    def physical_id(self, logical_id: str) -> str | None:
        return next((part.physical_id for part in self.parts if part.logical_id == logical_id), None)


def find_parts(account: Account) -> StackParts | None:
    """Of the stack, or of the last one of that name that was deleted; None when there never was one."""
    cloudformation = account.clients.cloudformation
    try:
        found = cloudformation.describe_stacks(StackName=account.stack_name)["Stacks"][0]
    except aws_exceptions() as error:
        if "does not exist" not in str(error):
            raise
        return _last_deleted(account)
    return StackParts(
        stack_name=account.stack_name,
        stack_id=found["StackId"],
        status=found["StackStatus"],
        is_protected=found.get("EnableTerminationProtection", False),
        parts=tuple(_parts(cloudformation, found["StackId"])),
    )


def _last_deleted(account: Account) -> StackParts | None:
    """CloudFormation remembers a deleted stack for 90 days, and which of its parts it was told to keep."""
    cloudformation = account.clients.cloudformation
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    deleted = [stack for page in pages for stack in page["StackSummaries"] if stack["StackName"] == account.stack_name]
    if not deleted:
        return None
    last = max(deleted, key=lambda stack: stack.get("DeletionTime", stack["CreationTime"]))
    parts = tuple(_kept_parts(cloudformation, last["StackId"]))
    return StackParts(account.stack_name, last["StackId"], DELETED, is_protected=False, parts=parts)


def _kept_parts(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[Part]:
    """By the stack's events, which name every part that its deletion left alone."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        for event in page["StackEvents"]:
            if event.get("ResourceStatus") == _KEPT:
                yield Part(event["LogicalResourceId"], event["ResourceType"], event["PhysicalResourceId"])


def _parts(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[Part]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for resource in page["StackResourceSummaries"]:
            physical_id = resource.get("PhysicalResourceId")
            if physical_id and resource["ResourceStatus"] != DELETED:
                yield Part(resource["LogicalResourceId"], resource["ResourceType"], physical_id)
