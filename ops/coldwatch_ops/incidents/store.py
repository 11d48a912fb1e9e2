"""Incidents of a stack: read as they are stored, and settled in an operator's name as a link settles them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from coldwatch.incidents.answering import Answer, Asked, act_as_operator
from coldwatch.incidents.incident import Incident, Page, Status, TimelineEvent
from coldwatch_ops.errors import NotFoundError
from coldwatch_ops.stack import Stack

if TYPE_CHECKING:
    from coldwatch.adapters.incident_store import DynamoIncidentStore


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of an incident."""

    incident: Incident
    timeline: tuple[TimelineEvent, ...]
    pages: tuple[Page, ...]


def list_incidents(
    stack: Stack, statuses: tuple[Status, ...], *, device_id: str | None, since: int, limit: int | None
) -> list[Incident]:
    """Newest first."""
    found = _found(_store(stack), statuses, device_id)
    fitting = (each for each in found if each.status in statuses and each.opened_at >= since)
    return list(islice(sorted(fitting, key=lambda each: each.opened_at, reverse=True), limit))


def _found(store: "DynamoIncidentStore", statuses: tuple[Status, ...], device_id: str | None) -> Iterator[Incident]:
    if device_id is not None:
        yield from store.of_device(device_id)
        return
    for status in statuses:
        yield from store.listed(status)


def tell(stack: Stack, incident_id: str) -> Story:
    store = _store(stack)
    incident = store.find(incident_id)
    if incident is None:
        raise NotFoundError(f"There is no incident {incident_id}.")
    return Story(incident, tuple(store.timeline(incident_id)), tuple(store.pages(incident_id)))


def settle(stack: Stack, incident_id: str, asked: Asked, *, who: str, now_ms: int) -> Answer:
    """Do it in the name of `who`; the workflow is woken as by a link."""
    from coldwatch.adapters.waiting import StepFunctionsWaiting  # noqa: PLC0415 - boto3 is an optional dependency

    store = _store(stack)
    waiting = StepFunctionsWaiting(stack.clients.step_functions, store)
    answer = act_as_operator(incident_id, asked, who=who, incidents=store, waiting=waiting, now_ms=now_ms)
    if answer.incident is None:
        raise NotFoundError(f"There is no incident {incident_id}.")
    return answer


def operator_name() -> str:
    """Who sits at this terminal, as the machine knows them."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "operator"


def _store(stack: Stack) -> "DynamoIncidentStore":
    from coldwatch.adapters.incident_store import DynamoIncidentStore  # noqa: PLC0415 - boto3 is an optional dependency

    return DynamoIncidentStore(stack.clients.dynamodb_client, stack.output("IncidentTableName"))
