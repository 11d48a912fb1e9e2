"""Secrets of channels in Secrets Manager: JSON objects under one prefix. Their values appear in no log and no error."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FRESH_S: Final = 300
"""How long a secret is taken as it was read: rotated, it holds everywhere after five minutes."""


class SecretError(Exception):
    """A secret could not be read or written; `is_missing` if there is none of that name."""

    def __init__(self, why: str, *, is_missing: bool = False) -> None:
        super().__init__(why)
        self.is_missing = is_missing


@dataclass(frozen=True, slots=True)
class SecretsManagerSecrets:
    """`client` is boto3's of Secrets Manager."""

    client: Any
    clock: Callable[[], float] = time.monotonic
    _read: dict[str, tuple[float, str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Raises SecretError."""
        known = self._read.get(name)
        if known and self.clock() - known[0] < FRESH_S:
            return known[1]
        try:
            found: str = self.client.get_secret_value(SecretId=name)["SecretString"]
        except (BotoCoreError, ClientError, KeyError) as error:
            raise SecretError(f"The secret {name} cannot be read ({_code(error)}).", is_missing=_is(error)) from None
        self._read[name] = self.clock(), found
        return found

    def find(self, name: str) -> dict[str, str]:
        """Raises SecretError."""
        try:
            read = json.loads(self.text(name))
        except ValueError:
            raise SecretError(f"The secret {name} is no JSON.") from None
        if not isinstance(read, dict):
            raise SecretError(f"The secret {name} is no JSON object.")
        return {str(each): str(value) for each, value in read.items()}

    def put(self, name: str, secret: Mapping[str, str]) -> None:
        """Raises SecretError."""
        text = json.dumps(dict(secret))
        try:
            try:
                self.client.create_secret(Name=name, SecretString=text)
            except self.client.exceptions.ResourceExistsException:
                self.client.put_secret_value(SecretId=name, SecretString=text)
        except (BotoCoreError, ClientError) as error:
            raise SecretError(f"The secret {name} cannot be written ({_code(error)}).") from None
        self._read.pop(name, None)

    def remove(self, name: str) -> None:
        """At once, so that the name is free again; one that is gone already is as good. Raises SecretError."""
        try:
            self.client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except (BotoCoreError, ClientError) as error:
            if not _is(error):
                raise SecretError(f"The secret {name} cannot be deleted ({_code(error)}).") from None
        self._read.pop(name, None)


def _code(error: Exception) -> str:
    """What AWS calls the fault; never its message, which may repeat what was sent."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def _is(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException"
