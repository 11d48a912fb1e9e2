"""The link in a page: one responder's key to one round of one incident, stored only as the hash of its secret."""

from dataclasses import dataclass

LIFETIME_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Link:
    """Times are epoch milliseconds."""

    link_hash: str
    incident_id: str
    contact_id: str
    tier: int
    round: int
    created_at: int
    expires_at: int
    revoked: bool = False

    def is_over(self, now_ms: int) -> bool:
        return self.revoked or now_ms >= self.expires_at
