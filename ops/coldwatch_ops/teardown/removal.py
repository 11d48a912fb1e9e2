"""Removing a stack whole, in the order in which nothing stands in the way of the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.stack import Clients
from coldwatch_ops.teardown.inventory import Bucket, Inventory, find_log_groups
from coldwatch_ops.teardown.parts import StackParts
from coldwatch_ops.teardown.things import Certificate

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_MOST_AT_ONCE = 1_000
"""S3: DeleteObjects takes a thousand."""
_DETACH_ATTEMPTS = 10


@dataclass(frozen=True)
class Remover:
    clients: Clients
    stack: StackParts
    say: Callable[[str], None]
    pause: Callable[[float], None]

    def clear_the_way(self, inventory: Inventory) -> None:
        """What would make CloudFormation's own deletion fail. Thing types first: on AWS they must wait afterwards."""
        for thing_type in inventory.thing_types:
            self.say(f"Deprecating thing type {thing_type}.")
            self.clients.iot.deprecate_thing_type(thingTypeName=thing_type)
        for table in inventory.protected_tables:
            self._unprotect(table)
        for certificate in inventory.certificates:
            self._remove_certificate(certificate)
        self._detach_other_targets(inventory)
        for thing in inventory.things.own:
            self._delete_thing(thing)

    def _unprotect(self, table: str) -> None:
        self.say(f"Switching off the deletion protection of table {table}.")
        client = self.clients.dynamodb.meta.client
        client.update_table(TableName=table, DeletionProtectionEnabled=False)
        client.get_waiter("table_exists").wait(TableName=table)  # until it is ACTIVE again

    def _remove_certificate(self, certificate: Certificate) -> None:
        for thing in certificate.things:
            self.clients.iot.detach_thing_principal(thingName=thing, principal=certificate.arn)
        for policy in certificate.policies:
            self.clients.iot.detach_policy(policyName=policy, target=certificate.arn)
        if certificate.is_shared:
            self.say(f"Certificate {certificate.certificate_id} serves others too and stays.")
            return
        self.say(f"Deleting certificate {certificate.certificate_id}.")
        self.clients.iot.update_certificate(certificateId=certificate.certificate_id, newStatus="INACTIVE")
        self._until_detached(
            lambda: self.clients.iot.delete_certificate(certificateId=certificate.certificate_id, forceDelete=True)
        )

    def _detach_other_targets(self, inventory: Inventory) -> None:
        """Thing groups, which policies may be attached to as well."""
        certificates = {certificate.arn for certificate in inventory.certificates}
        for policy, targets in inventory.policy_targets.items():
            for target in (target for target in targets if target not in certificates):
                self.clients.iot.detach_policy(policyName=policy, target=target)

    def _delete_thing(self, thing: str) -> None:
        self.say(f"Deleting thing {thing}.")
        self._until_detached(lambda: self.clients.iot.delete_thing(thingName=thing))

    def _until_detached(self, delete: Callable[[], object]) -> None:
        """AWS IoT detaches a certificate from a thing a little later than it says (API: DetachThingPrincipal)."""
        for _ in range(_DETACH_ATTEMPTS - 1):
            try:
                delete()
            except aws_exceptions() as error:
                if error_code(error) not in {"DeleteConflictException", "InvalidRequestException"}:
                    raise
                self.pause(1)
            else:
                return
        delete()

    def remove_buckets(self, buckets: Sequence[Bucket]) -> list[str]:
        """Empty and delete each; what stands in the way of that is returned, one sentence per bucket."""
        return [problem for bucket in buckets if (problem := self._remove_bucket(bucket.name)) is not None]

    def _remove_bucket(self, bucket: str) -> str | None:
        self.say(f"Emptying and deleting bucket {bucket}.")
        refused = self.empty_bucket(bucket)
        if refused:
            return (
                f"Bucket {bucket} stays: {len(refused):,} objects could not be deleted, "
                f"the first because: {refused[0]}. "
                "An object under Object Lock cannot be deleted before its retention is over."
            )
        self.clients.s3.delete_bucket(Bucket=bucket)
        return None

    def empty_bucket(self, bucket: str) -> list[str]:
        """Delete every version and delete marker; the reasons of those that S3 kept."""
        refused: list[str] = []
        for page in self.clients.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects: list[ObjectIdentifierTypeDef] = [
                {"Key": one["Key"], "VersionId": one["VersionId"]} for one in found
            ]
            for start in range(0, len(objects), _MOST_AT_ONCE):
                chunk = objects[start : start + _MOST_AT_ONCE]
                response = self.clients.s3.delete_objects(Bucket=bucket, Delete={"Objects": chunk, "Quiet": True})
                refused += [f"{e.get('Code')}: {e.get('Message')}" for e in response.get("Errors", [])]
        return refused

    def remove_log_groups(self) -> None:
        for name in find_log_groups(self.clients, self.stack):
            self.say(f"Deleting log group {name}.")
            self.clients.logs.delete_log_group(logGroupName=name)
