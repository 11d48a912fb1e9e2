"""Starts MiniStack with every mend in place. Run by the cloud's own Python: `python -m local.cloud [--check]`."""

import importlib
import sys
from types import ModuleType

from local.cloud import needed_packages, upstream

MENDS = (
    "event_source",
    "execution_environments",
    "asynchronous_events",
    "stream_retention",
    "rule_actions",
    "rule_roles",
    "state_machine_roles",
    "task_tokens",
    "task_callbacks",
    "message_size",
    "mqtt_pace",
    "loopback",
    "principal_arn",
    "batch_actions",
    "secure_transport",
    "firehose_buffer",
    "athena_projection",
    "nested_stacks",
    "function_urls",
    "mailbox",
    "metrics",
    "authorizations",
)
"""In the order of installation: a later mend wraps what an earlier one put in place."""


def _load() -> list[ModuleType]:
    return [importlib.import_module(f"local.cloud.{name}") for name in MENDS]


def main(arguments: list[str]) -> int:
    if missing := needed_packages.complaints():
        print(*missing, sep="\n", file=sys.stderr)
        return 1
    mends = _load()
    changed = [sentence for mend in mends for sentence in upstream.changes(mend.WRAPS)]
    if changed:
        print("This MiniStack is not the one the mends were written for:", *changed, sep="\n  ", file=sys.stderr)
        return 1
    if "--check" in arguments:
        print(f"{len(mends)} mends fit this MiniStack")
        return 0
    for mend in mends:
        mend.install()
    importlib.import_module("local.cloud.front").serve()  # not before it is known that MiniStack is there
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
