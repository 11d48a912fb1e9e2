"""Athena sees the partitions that a table's projection has, and reads them without holding up the cloud.

Upstream reads every object under the table's location, within and without the projection, and copies the objects on
the event loop, where everything else waits.
https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from ministack.services import athena

from local.cloud.projection_logic import is_projected, visible
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.athena:_table_relation", "a1a2686723d2ddff"),
    Upstream("ministack.services.athena:_empty_relation", "9b6b848915d99854"),
    Upstream("ministack.services.athena:_rewrite_data_paths", "1437b9af110a4d56"),
    Upstream("ministack.services.athena:_run_duckdb", "734c2e91cdac17e0"),
)

type Relation = Callable[[dict[str, Any], list[str]], str]
type Rewrite = Callable[..., Coroutine[Any, Any, Any]]


def install() -> None:
    athena._table_relation = _projected(athena._table_relation)  # noqa: SLF001 - the mend
    athena._rewrite_data_paths = _on_a_thread(athena._rewrite_data_paths)  # noqa: SLF001 - the mend


def _projected(relation: Relation) -> Relation:
    def of_visible_files(table: dict[str, Any], files: list[str]) -> str:
        parameters = table.get("Parameters") or {}
        if is_projected(parameters):
            columns = [key["Name"] for key in table.get("PartitionKeys") or []]
            files = visible(files, columns, parameters, datetime.now(UTC).replace(tzinfo=None))
        return relation(table, files) if files else str(athena._empty_relation(table))  # noqa: SLF001 - what upstream reads without files

    return of_visible_files


def _on_a_thread(rewrite: Rewrite) -> Rewrite:
    async def rewrite_elsewhere(*arguments: Any) -> Any:
        return await asyncio.to_thread(lambda: asyncio.run(rewrite(*arguments)))

    return rewrite_elsewhere
