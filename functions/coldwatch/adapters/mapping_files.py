"""The payload mappings that ship with the code."""

from pathlib import Path

from coldwatch.telemetry.mapping import PayloadMapping, read_mapping

FOLDER = Path(__file__).parents[2] / "schemas" / "payload_mappings"


def load_mappings(folder: Path = FOLDER) -> tuple[PayloadMapping, ...]:
    """Every mapping in `folder`, in the order of the file names, which is the order in which they are tried."""
    return tuple(read_mapping(path.read_bytes()) for path in sorted(folder.glob("*.json")))
