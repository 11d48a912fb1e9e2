"""Writes down which statement of which role let a call pass, where somebody asks for it (COLDWATCH_AUTHORIZATIONS).

So a test can show that every statement is needed: for each there is a call of the running system that no other one
allows. A statement that nobody needs is found without taking it out and trying everything again.
"""

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any

from ministack.core import iam_evaluator

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.core.iam_evaluator:evaluate", "2a5dd6932d1aca6a"),
    Upstream("ministack.core.iam_evaluator:_first_match", "dc96ef4846c74212"),
)

VARIABLE = "COLDWATCH_AUTHORIZATIONS"
"""Names the file: a JSON line for each role, action and set of statements, the first time they are seen."""


def install() -> None:
    """Does nothing unless asked."""
    if not (path := os.environ.get(VARIABLE)):
        return
    evaluate, seen, lock = iam_evaluator.evaluate, set[str](), Lock()

    def recorded(context: Any, policies: Any, *limits: Any) -> Any:
        result = evaluate(context, policies, *limits)
        if result.decision == "Allow" and (sids := matching(context, policies)):
            line = json.dumps({"principal": role_of(context.principal_arn), "action": context.action, "sids": sids})
            with lock:
                if line not in seen:
                    seen.add(line)
                    with Path(path).open("a") as file:
                        file.write(line + "\n")
        return result

    iam_evaluator.evaluate = recorded


def matching(context: Any, policies: Any) -> list[str]:
    """The named statements of which each would have allowed the call by itself."""
    statements = [statement for document in policies for statement in document]
    return sorted(
        statement.sid
        for statement in statements
        if statement.sid and iam_evaluator._first_match(context, [statement], "Allow")  # noqa: SLF001 - how MiniStack matches
    )


def role_of(arn: str) -> str:
    """The role's name, of its own ARN or of a session's.

    >>> role_of("arn:aws:sts::000000000000:assumed-role/notifier/session"), role_of("arn:aws:iam::0:role/notifier")
    ('notifier', 'notifier')
    """
    return arn.partition(":assumed-role/")[2].partition("/")[0] or arn.rpartition("/")[2]
