"""The codes of messages, for the page that takes them: which answer of theirs is which page."""

from collections.abc import Callable
from dataclasses import dataclass

from coldwatch.incidents.answering import Answer
from coldwatch.incidents.codes import CodeOutcome, CodePorts, Tried, act_by_code
from coldwatch.incidents.ports import CodeStore, LinkStore
from incident_page.tools import LockedError


@dataclass(frozen=True, slots=True)
class ByCode:
    """`tools.Codes`. Where the key cannot be read no code fits: the link does as well."""

    codes: CodeStore
    links: LinkStore
    key: Callable[[], bytes | None]

    def act(
        self, reference: str, code: str, source: str, take: Callable[[str, LinkStore], Answer], *, now_ms: int
    ) -> Answer | None:
        key = self.key()
        if key is None:
            return None
        ports = CodePorts(self.codes, self.links, key)
        answered = act_by_code(Tried(reference, code, source), ports, take, now_ms=now_ms)
        if answered.outcome is CodeOutcome.LOCKED:
            raise LockedError
        return answered.answer
