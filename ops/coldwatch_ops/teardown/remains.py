"""The proof: everything that was there before, asked for once more."""

from collections.abc import Iterator

from coldwatch_ops.stack import Account
from coldwatch_ops.teardown.inventory import Inventory, find_log_groups
from coldwatch_ops.teardown.parts import CERTIFICATE, DELETED, LOG_GROUP, THING, StackParts, find_parts
from coldwatch_ops.teardown.presence import exists


def find_remains(account: Account, stack: StackParts, before: Inventory, *, kept: frozenset[str]) -> list[str]:
    """What is still there, one line each; `kept` are buckets that were to stay."""
    return [
        *_stack_remains(account, stack),
        *(
            f"{part_type} {name}"
            for part_type, name in _asked_for(stack, before, kept)
            if exists(account.clients, part_type, name)
        ),
        *(f"{LOG_GROUP} {name}" for name in find_log_groups(account.clients, stack)),
    ]


def _stack_remains(account: Account, stack: StackParts) -> Iterator[str]:
    found = find_parts(account)
    if found is not None and found.status != DELETED and found.stack_id == stack.stack_id:
        yield f"stack {stack.stack_name} ({found.status})"


def _asked_for(stack: StackParts, before: Inventory, kept: frozenset[str]) -> Iterator[tuple[str, str]]:
    for part in stack.parts:
        if part.type != LOG_GROUP and part.physical_id not in kept:
            yield part.type, part.physical_id
    for thing in before.things.own:
        yield THING, thing
    for certificate in before.certificates:
        if not certificate.is_shared:
            yield CERTIFICATE, certificate.certificate_id
