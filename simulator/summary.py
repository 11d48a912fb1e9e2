"""The accounts of a run: every publication is counted once, when the broker has settled it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from simulator.message import Kind


@dataclass(frozen=True, slots=True)
class Summary:
    """`published` counts acknowledged messages, `refused` those that the broker would not take.

    `by_device` and `by_kind` divide `published`; `reasons` says why messages were refused, and how many.
    """

    published: int
    refused: int
    by_device: dict[str, int]
    by_kind: dict[str, int]
    reasons: dict[str, int]
    seconds: float

    @property
    def per_second(self) -> float:
        return self.published / self.seconds if self.seconds else 0.0

    def as_document(self) -> dict[str, Any]:
        return {
            "published": self.published,
            "refused": self.refused,
            "by_device": self.by_device,
            "by_kind": self.by_kind,
            "reasons": self.reasons,
            "seconds": round(self.seconds, 3),
            "per_second": round(self.per_second, 1),
        }


@dataclass(slots=True)
class Tally:
    """Counted on one thread, read when all is settled."""

    by_device: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, thing: str, kind: Kind, refusal: str | None) -> None:
        if refusal is not None:
            self.reasons[refusal] += 1
            return
        self.by_device[thing] += 1
        self.by_kind[kind] += 1

    @property
    def published(self) -> int:
        return self.by_kind.total()

    def summarize(self, seconds: float) -> Summary:
        return Summary(
            self.published,
            self.reasons.total(),
            dict(sorted(self.by_device.items())),
            {str(kind): number for kind, number in sorted(self.by_kind.items())},
            dict(self.reasons),
            seconds,
        )
