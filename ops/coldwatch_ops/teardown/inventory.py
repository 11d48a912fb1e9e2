"""What deleting the stack would leave behind, or stumble over. Only looks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.items import items
from coldwatch_ops.stack import Clients
from coldwatch_ops.teardown.parts import BUCKET, FUNCTION, LOG_GROUP, POLICY, TABLE, THING_TYPE, StackParts
from coldwatch_ops.teardown.presence import exists
from coldwatch_ops.teardown.things import Certificate, Things, find_certificates, find_things

ARCHIVES = ("ArchiveBucket", "EvidenceBucket")
"""Of readings, and of incidents: what outlives the stack by its purpose."""


@dataclass(frozen=True)
class Bucket:
    name: str
    is_archive: bool
    objects: int
    """Every version and delete marker counts."""
    size_bytes: int
    has_object_lock: bool


@dataclass(frozen=True)
class Inventory:
    buckets: tuple[Bucket, ...]
    tables: tuple[str, ...]
    protected_tables: tuple[str, ...]
    log_groups: tuple[str, ...]
    """Of the stack, and those that its functions made or made again."""
    things: Things
    certificates: tuple[Certificate, ...]
    policy_targets: dict[str, tuple[str, ...]]
    """ARNs that each policy of the stack is attached to."""
    thing_types: tuple[str, ...]


def take_inventory(clients: Clients, stack: StackParts) -> Inventory:
    tables = tuple(name for name in stack.named(TABLE) if exists(clients, TABLE, name))
    policies = [name for name in stack.named(POLICY) if exists(clients, POLICY, name)]
    targets = {name: _targets(clients, name) for name in policies}
    things = find_things(clients, stack, registered=_registered(clients, stack, tables))
    return Inventory(
        buckets=tuple(_bucket(clients, stack, name) for name in stack.named(BUCKET) if exists(clients, BUCKET, name)),
        tables=tables,
        protected_tables=tuple(name for name in tables if _is_protected(clients, name)),
        log_groups=find_log_groups(clients, stack),
        things=things,
        certificates=find_certificates(clients, things, targets),
        policy_targets={name: found for name, found in targets.items() if found},
        thing_types=tuple(name for name in stack.named(THING_TYPE) if exists(clients, THING_TYPE, name)),
    )


def _bucket(clients: Clients, stack: StackParts, name: str) -> Bucket:
    objects = size_bytes = 0
    for page in clients.s3.get_paginator("list_object_versions").paginate(Bucket=name):
        versions = page.get("Versions", [])
        objects += len(versions) + len(page.get("DeleteMarkers", []))
        size_bytes += sum(version.get("Size", 0) for version in versions)
    return Bucket(
        name=name,
        is_archive=name in map(stack.physical_id, ARCHIVES),
        objects=objects,
        size_bytes=size_bytes,
        has_object_lock=_has_object_lock(clients, name),
    )


def _has_object_lock(clients: Clients, bucket: str) -> bool:
    try:
        found = clients.s3.get_object_lock_configuration(Bucket=bucket)
    except aws_exceptions() as error:
        if error_code(error) not in {"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"}:
            raise
        return False
    return found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"


def _is_protected(clients: Clients, table: str) -> bool:
    description: Any = clients.dynamodb.meta.client.describe_table(TableName=table)["Table"]
    return bool(description.get("DeletionProtectionEnabled", False))


def _registered(clients: Clients, stack: StackParts, tables: tuple[str, ...]) -> set[str]:
    """Names of the things that the stack's own registry knows, or that its allow-list has a serial for.

    A device that was released, and whose replacement has not claimed yet, is on the allow-list alone.
    """
    devices = _items_of(clients, stack.physical_id("DeviceTable"), tables)
    serials = _items_of(clients, stack.physical_id("AllowedSerialTable"), tables)
    return {str(device.get("thing_name", device["device_id"])) for device in devices} | {
        f"{serial['fleet_id']}-{serial['device_type']}-{serial['serial']}" for serial in serials
    }


def _items_of(clients: Clients, table: str | None, tables: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    return items(clients.dynamodb.Table(table).scan) if table in tables and table is not None else iter(())


def _targets(clients: Clients, policy: str) -> tuple[str, ...]:
    pages = clients.iot.get_paginator("list_targets_for_policy").paginate(policyName=policy)
    return tuple(target for page in pages for target in page["targets"])


def find_log_groups(clients: Clients, stack: StackParts) -> tuple[str, ...]:
    """By exact name, and below `/coldwatch/{stack}/`: a function still running makes its log group again."""
    prefix = f"/coldwatch/{stack.stack_name}/"
    pages = clients.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    below = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    named = [*stack.named(LOG_GROUP), *(f"/aws/lambda/{name}" for name in stack.named(FUNCTION))]
    others = [name for name in named if name not in below and exists(clients, LOG_GROUP, name)]
    return tuple(dict.fromkeys([*below, *others]))
