"""Which tests share a process when several run side by side (pytest-xdist): a file's, and those of one local cloud."""

from functools import cache
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]


class LoadCloudScheduling(LoadScopeScheduling):  # type: ignore[misc] # pytest-xdist has no types
    """Groups by file. (`--dist loadgroup` would do, but does nothing with pytest 9.2: pytest-xdist issue 1386.)"""

    def _split_scope(self, nodeid: str) -> Any:
        return group(nodeid.partition("::")[0])


@cache
def group(file: str) -> str:
    """There are two clouds, one with the product in it and one for tests of its mends; each is its process's own."""
    if "pytest.mark.cloud" not in (ROOT / file).read_text():
        return file
    return "mends" if "/local_cloud/" in file else "cloud"
