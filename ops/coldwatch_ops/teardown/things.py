"""Which things and certificates are the stack's own. What also belongs to somebody else is never touched.

A thing is the stack's when its type is one of the stack's *and* the stack's registry, its allow-list or one of its
thing groups knows it. A certificate is the stack's when every thing and every policy it is attached to is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from coldwatch_ops.devices.certificates import certificate_id_of
from coldwatch_ops.stack import Clients
from coldwatch_ops.teardown.parts import THING_GROUP, THING_TYPE, StackParts
from coldwatch_ops.teardown.presence import exists


@dataclass(frozen=True)
class Things:
    own: tuple[str, ...]
    foreign: tuple[str, ...]
    """Of one of the stack's types but not its own: they stand in the way of deleting the type."""


@dataclass(frozen=True)
class Certificate:
    certificate_id: str
    arn: str
    things: tuple[str, ...]
    """The stack's own things that it is attached to; likewise `policies`."""
    policies: tuple[str, ...]
    is_shared: bool
    """Attached to things or policies that are not the stack's: it is taken off ours, and stays."""


def find_things(clients: Clients, stack: StackParts, *, registered: set[str]) -> Things:
    known = registered | set(_grouped(clients, stack))
    types = [name for name in stack.named(THING_TYPE) if exists(clients, THING_TYPE, name)]
    typed = sorted(name for thing_type in types for name in _of_type(clients, thing_type))
    own = tuple(name for name in typed if name in known)
    return Things(own, tuple(name for name in typed if name not in known))


def _of_type(clients: Clients, thing_type: str) -> Iterator[str]:
    for page in clients.iot.get_paginator("list_things").paginate(thingTypeName=thing_type):
        yield from (thing["thingName"] for thing in page["things"])


def _grouped(clients: Clients, stack: StackParts) -> Iterator[str]:
    for group in stack.named(THING_GROUP):
        if exists(clients, THING_GROUP, group):
            pages = clients.iot.get_paginator("list_things_in_thing_group").paginate(thingGroupName=group)
            yield from (name for page in pages for name in page["things"])


def find_certificates(
    clients: Clients, things: Things, policy_targets: Mapping[str, tuple[str, ...]]
) -> tuple[Certificate, ...]:
    by_thing = {thing: _principals(clients, thing) for thing in things.own}
    arns = {arn for found in (*by_thing.values(), *policy_targets.values()) for arn in found}
    return tuple(
        _certificate(clients, certificate_id, arn, by_thing, policy_targets)
        for arn in sorted(arns)
        if (certificate_id := certificate_id_of(arn))
    )


def _certificate(
    clients: Clients,
    certificate_id: str,
    arn: str,
    by_thing: Mapping[str, tuple[str, ...]],
    policy_targets: Mapping[str, tuple[str, ...]],
) -> Certificate:
    own_things = tuple(thing for thing, principals in by_thing.items() if arn in principals)
    own_policies = tuple(policy for policy, targets in policy_targets.items() if arn in targets)
    all_things = {name for page in _things_pages(clients, arn) for name in page}
    all_policies = {name for page in _policy_pages(clients, arn) for name in page}
    is_shared = not (all_things <= set(own_things) and all_policies <= set(own_policies))
    return Certificate(certificate_id, arn, own_things, own_policies, is_shared)


def _principals(clients: Clients, thing: str) -> tuple[str, ...]:
    pages = clients.iot.get_paginator("list_thing_principals").paginate(thingName=thing)
    return tuple(principal for page in pages for principal in page["principals"])


def _things_pages(clients: Clients, arn: str) -> Iterator[list[str]]:
    for page in clients.iot.get_paginator("list_principal_things").paginate(principal=arn):
        yield page["things"]


def _policy_pages(clients: Clients, arn: str) -> Iterator[list[str]]:
    for page in clients.iot.get_paginator("list_attached_policies").paginate(target=arn):
        yield [policy["policyName"] for policy in page["policies"]]
