"""Teardown told to people and to machines. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.teardown.inventory import Bucket, Inventory
from coldwatch_ops.teardown.parts import StackParts
from coldwatch_ops.text import count, escape


def inventory_lines(stack: StackParts, inventory: Inventory, *, kept: frozenset[str]) -> list[str]:
    """What the stack holds beside itself, and what will become of it."""
    shared = [certificate for certificate in inventory.certificates if certificate.is_shared]
    own = len(inventory.certificates) - len(shared)
    attached = sum(len(targets) for targets in inventory.policy_targets.values())
    lines = [f"Stack {stack.stack_name} is {stack.status}."]
    lines += [_bucket_line(bucket, is_kept=bucket.name in kept) for bucket in inventory.buckets]
    lines += [f"Table {name}" + _protection(inventory, name) for name in inventory.tables]
    lines += [f"Log group {name}" for name in inventory.log_groups]
    lines += [f"{count(len(inventory.things.own), 'thing')}, {count(own, 'certificate')} of theirs or for claiming"]
    lines += (
        [f"{count(len(shared), 'certificate')} shared with others: taken off this stack's, and left"] if shared else []
    )
    lines += [f"{count(attached, 'attachment')} of this stack's IoT policies"]
    lines += [f"Thing types: {', '.join(inventory.thing_types)}"] if inventory.thing_types else []
    lines += ["Not touched: metrics (CloudWatch drops them itself), the SAM deployment bucket (other stacks use it)."]
    return [escape(line) for line in lines]


def _bucket_line(bucket: Bucket, *, is_kept: bool) -> str:
    held = f"{count(bucket.objects, 'object version')}, {bucket.size_bytes:,} bytes"
    lock = "; Object Lock is on: what is under retention cannot be deleted" if bucket.has_object_lock else ""
    return f"Bucket {bucket.name} ({held}){' - is kept' if is_kept else ''}{lock}"


def _protection(inventory: Inventory, table: str) -> str:
    return " (protected against deletion; that will be switched off)" if table in inventory.protected_tables else ""


def document_of(stack: StackParts, inventory: Inventory) -> dict[str, Any]:
    return {"stack": stack.stack_name, "status": stack.status, "found": asdict(inventory)}


def finished(
    stack: StackParts, inventory: Inventory, *, remains: Sequence[str], problems: Sequence[str], kept: frozenset[str]
) -> Answer:
    document = document_of(stack, inventory) | {
        "remains": list(remains),
        "problems": list(problems),
        "kept": sorted(kept),
    }
    told = [escape(problem) for problem in problems]
    told += [f"Still there: {escape(line)}" for line in remains]
    told += [f"Kept, as asked: bucket {name}" for name in sorted(kept)]
    if not remains:
        told.append(f"Nothing {'else ' if kept else ''}of {stack.stack_name} is left.")
    return Answer(document, tuple(told), ExitCode.FAILED if remains else ExitCode.OK)
