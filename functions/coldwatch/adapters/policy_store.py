"""Escalation policies and rotas in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldwatch.adapters.versioned_documents import ROTA, Change, DynamoDocuments, UnreadableError
from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.escalation.rota import Rota, RotaError
from coldwatch.incidents.escalation.rota_document import read_rota
from coldwatch.incidents.policy import EscalationPolicy, PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoPolicyStore:
    """`ports.PolicyStore`, and what puts policies there."""

    client: DynamoDBClient
    table: str

    def find(self, policy_id: str) -> EscalationPolicy | None:
        """Raises `PolicyError` for a stored document that is no policy."""
        document = self.document(policy_id)
        return read_policy({"version": "1", **document}) if document is not None else None

    def document(self, policy_id: str) -> dict[str, Any] | None:
        try:
            return self.kept.find(policy_id)
        except UnreadableError as error:
            raise PolicyError(policy_id, str(error)) from error

    def each(self) -> Iterator[EscalationPolicy | PolicyError]:
        """One that cannot be read hides no other."""
        for document in self.kept.each():
            try:
                if isinstance(document, UnreadableError):
                    yield PolicyError(document.document_id, str(document))
                else:
                    yield read_policy({"version": "1", **document})
            except PolicyError as error:
                yield error

    def put(self, document: Mapping[str, Any], change: Change | None = None) -> bool:
        """Keep a policy; False if its version is taken. Raises `PolicyError` for what is none, and keeps nothing."""
        policy = read_policy(document)
        return self.kept.put(policy.policy_id, {"version": policy.version, **document}, change or Change())

    def remove(self, policy_id: str) -> None:
        self.kept.remove(policy_id)

    @property
    def kept(self) -> DynamoDocuments:
        return DynamoDocuments(self.client, self.table)


@dataclass(frozen=True, slots=True)
class DynamoRotaStore:
    """`ports.Rotas`, and what puts rotas there, into the table of policies."""

    client: DynamoDBClient
    table: str

    def find(self, rota_id: str) -> Rota | None:
        """Raises `RotaError` for a stored document that is no rota."""
        document = self.document(rota_id)
        return read_rota(document) if document is not None else None

    def document(self, rota_id: str) -> dict[str, Any] | None:
        try:
            return self.kept.find(rota_id)
        except UnreadableError as error:
            raise RotaError(rota_id, [str(error)]) from error

    def each(self) -> Iterator[Rota | RotaError]:
        """One that cannot be read hides no other."""
        for document in self.kept.each():
            try:
                if isinstance(document, UnreadableError):
                    yield RotaError(document.document_id, [str(document)])
                else:
                    yield read_rota(document)
            except RotaError as error:
                yield error

    def put(self, document: Mapping[str, Any], change: Change) -> bool:
        """Keep a rota; False if its version is taken. Raises `RotaError` for what is none, and keeps nothing."""
        rota = read_rota(document)
        return self.kept.put(rota.rota_id, {"version": rota.version, **document}, change)

    @property
    def kept(self) -> DynamoDocuments:
        return DynamoDocuments(self.client, self.table, ROTA)
