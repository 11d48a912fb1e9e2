"""Asking the archive: one Athena query, waited for."""

import time
from collections.abc import Callable

from coldwatch_ops.errors import FailedError
from coldwatch_ops.stack import Stack

COUNT_ARCHIVED = "SELECT count(*) AS archived FROM (SELECT DISTINCT device_id, reading_key FROM {table}) AS readings"
_DONE = "SUCCEEDED"
_OVER = {"FAILED", "CANCELLED"}


def count_archived(
    stack: Stack,
    *,
    timeout_s: float = 300,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Distinct reading keys in the archive; Firehose delivers up to its buffering time late."""
    table = f'"{stack.output("ReadingArchiveTableName")}"'
    return int(ask_archive(stack, COUNT_ARCHIVED.format(table=table), timeout_s=timeout_s, pause=pause, clock=clock))


def ask_archive(
    stack: Stack, query: str, *, timeout_s: float, pause: Callable[[float], None], clock: Callable[[], float]
) -> str:
    """The one value that `query` answers. FailedError with Athena's reason, or when it takes longer than that."""
    athena = stack.clients.athena
    query_id = athena.start_query_execution(
        QueryString=query,
        WorkGroup=stack.output("ArchiveWorkGroupName"),
        QueryExecutionContext={"Database": stack.output("ArchiveDatabaseName")},
    )["QueryExecutionId"]
    deadline = clock() + timeout_s
    while (state := _state(stack, query_id)) != _DONE:
        if clock() >= deadline:
            athena.stop_query_execution(QueryExecutionId=query_id)
            raise FailedError(f"The archive query {query_id} was still {state} after {timeout_s:g} s and was stopped.")
        pause(0.5)
    rows = athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
    return rows[1]["Data"][0]["VarCharValue"]  # the first row is the heading


def _state(stack: Stack, query_id: str) -> str:
    status = stack.clients.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
    if status["State"] in _OVER:
        raise FailedError(
            f"The archive query {query_id} {status['State']}: {status.get('StateChangeReason', 'no reason given')}"
        )
    return status["State"]
