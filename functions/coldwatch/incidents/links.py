"""The link in a page: one responder's key to one round of one incident, stored only as the hash of its secret."""

from dataclasses import dataclass

LIFETIME_MS = 7 * 86_400_000

KEPT_MS = 90 * 86_400_000
"""How long an expired link is remembered, so that its page can say that it has expired."""


@dataclass(frozen=True, slots=True)
class Link:
    """Times are epoch milliseconds. `code_hash` is the keyed hash of the code that was sent beside it, if one was."""

    link_hash: str
    incident_id: str
    contact_id: str
    tier: int
    round: int
    created_at: int
    expires_at: int
    code_hash: str | None = None
    revoked_at: int | None = None
    """When an operator took it back."""

    @property
    def forget_at(self) -> int:
        return self.expires_at + KEPT_MS

    def is_over(self, now_ms: int) -> bool:
        return self.revoked_at is not None or now_ms >= self.expires_at
