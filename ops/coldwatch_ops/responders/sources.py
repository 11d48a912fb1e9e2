"""Policies and rotas where they are: in files, or in a stack's table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.escalation.rota import Rota, RotaError
from coldwatch.incidents.escalation.rota_document import read_rota
from coldwatch.incidents.policy import EscalationPolicy, PolicyError
from coldwatch_ops.responders import documents
from coldwatch_ops.stack import Stack

if TYPE_CHECKING:
    from coldwatch.adapters.policy_store import DynamoPolicyStore, DynamoRotaStore
    from coldwatch.adapters.versioned_documents import DynamoDocuments, UnreadableError

_FAULT = "fault"


@dataclass(frozen=True)
class PolicyInFile:
    """`ports.PolicyStore`, with one policy."""

    policy: EscalationPolicy

    def find(self, policy_id: str) -> EscalationPolicy | None:
        return self.policy if policy_id == self.policy.policy_id else None


@dataclass(frozen=True)
class RotasInFiles:
    """`ports.Rotas`."""

    rotas: Mapping[str, Rota]

    def find(self, rota_id: str) -> Rota | None:
        return self.rotas.get(rota_id)


def rotas_in(paths: Iterable[str]) -> RotasInFiles:
    rotas = [read_rota(read_rota_file(Path(path))) for path in paths]
    return RotasInFiles({each.rota_id: each for each in rotas})


def read_policy_file(path: Path) -> dict[str, Any]:
    return _read_file(path, "policy", read_policy)


def read_rota_file(path: Path) -> dict[str, Any]:
    return _read_file(path, "rota", read_rota)


def _read_file(path: Path, thing: str, read: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """What is in a file. UsageError with every fault when it is no such thing."""
    document = documents.read_json(path, thing)
    try:
        read(document)
    except (PolicyError, RotaError) as error:
        raise documents.wrong(path, error.faults) from None
    return document


def open_policies(stack: Stack) -> "DynamoPolicyStore":
    from coldwatch.adapters.policy_store import DynamoPolicyStore  # noqa: PLC0415 - boto3 is an optional dependency

    return DynamoPolicyStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))


def open_rotas(stack: Stack) -> "DynamoRotaStore":
    from coldwatch.adapters.policy_store import DynamoRotaStore  # noqa: PLC0415 - boto3 is an optional dependency

    return DynamoRotaStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))


def in_force[Read](
    kept: "DynamoDocuments", key: str, read: Callable[[dict[str, Any]], Read]
) -> list[tuple[dict[str, Any], Read | None]]:
    """The documents by their ids, each with what it reads as. One that cannot be read has a `fault`."""
    found = [_read_or_fault(each, key, read) for each in kept.each()]
    return sorted(found, key=lambda each: str(each[0].get(key)))


def fault_of(document: Mapping[str, Any]) -> str | None:
    """For people, of a document that `in_force` gave."""
    return f"cannot be read: {document[_FAULT]}" if _FAULT in document else None


def _read_or_fault[Read](
    stored: "dict[str, Any] | UnreadableError", key: str, read: Callable[[dict[str, Any]], Read]
) -> tuple[dict[str, Any], Read | None]:
    if not isinstance(stored, dict):
        return {key: stored.document_id, _FAULT: str(stored)}, None
    try:
        return stored, read(stored)
    except (PolicyError, RotaError) as error:
        return {**stored, _FAULT: "; ".join(error.faults)}, None
