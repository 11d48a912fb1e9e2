"""Athena sees the partitions that a table's projection has, and reads them without holding up the cloud.

Upstream reads every object under the table's location, within and without the projection, and for every query copies
them all anew, on the event loop, where everything else waits.
https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from ministack.services import athena

from local.cloud.athena_files import ObjectFiles
from local.cloud.projection_logic import is_projected, visible
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.athena:_table_relation", "a1a2686723d2ddff"),
    Upstream("ministack.services.athena:_materialize_table_files", "e4f134f666f9c516"),
    Upstream("ministack.services.athena:_hidden", "b987e294312966be"),
    Upstream("ministack.services.s3:_get_object_data", "8735d1f5e3313076"),
    Upstream("ministack.services.athena:_empty_relation", "9b6b848915d99854"),
    Upstream("ministack.services.athena:_rewrite_data_paths", "1437b9af110a4d56"),
    Upstream("ministack.services.athena:_run_duckdb", "734c2e91cdac17e0"),
)

type Relation = Callable[[dict[str, Any], list[str]], str]
type Rewrite = Callable[..., Coroutine[Any, Any, Any]]


BY_NAME = "union_by_name = true"
"""How upstream has DuckDB match columns: it looks into every file before it reads one."""


def install() -> None:
    files = ObjectFiles()
    athena._materialize_table_files = lambda location, _workdirs: files.under(location)  # noqa: SLF001 - the mend
    athena._table_relation = _projected(athena._table_relation, files)  # noqa: SLF001 - the mend
    athena._rewrite_data_paths = _on_a_thread(athena._rewrite_data_paths)  # noqa: SLF001 - the mend


def _projected(relation: Relation, files: ObjectFiles) -> Relation:
    def of_visible_files(table: dict[str, Any], paths: list[str]) -> str:
        parameters = table.get("Parameters") or {}
        if is_projected(parameters):
            columns = [key["Name"] for key in table.get("PartitionKeys") or []]
            paths = visible(paths, columns, parameters, datetime.now(UTC).replace(tzinfo=None))
        if not paths:
            return str(athena._empty_relation(table))  # noqa: SLF001 - what upstream reads without files
        found = relation(table, paths)
        return found.replace(BY_NAME, "union_by_name = false") if files.agree(paths) else found

    return of_visible_files


def _on_a_thread(rewrite: Rewrite) -> Rewrite:
    async def rewrite_elsewhere(*arguments: Any) -> Any:
        return await asyncio.to_thread(lambda: asyncio.run(rewrite(*arguments)))

    return rewrite_elsewhere
