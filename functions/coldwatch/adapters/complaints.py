"""Where responders are not told as their policy says, whoever looks after the stack hears of it: log and metric."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.incidents.metrics import stage_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldwatch.incidents.incident import Incident

logger = Logger(child=True)


def complaints(stage: str) -> Callable[[Incident, str], None]:
    """Takes an incident, or a storm, and why its plan is not the one that it should have, or names nobody."""

    def complain(incident: Incident, complaint: str) -> None:
        about = {"incident_id": incident.incident_id, "kind": incident.kind, "complaint": complaint}
        logger.error("responders not told as planned", extra=about)
        now_ms = time.time_ns() // 1_000_000
        write_metrics(stage_metrics({"NotToldAsPlanned": 1}, stage=stage, now_ms=now_ms))

    return complain
