"""The rules for storms that ship with the code: `detectors/storms.json`."""

from functools import cache
from pathlib import Path

from coldwatch.adapters.detector_files import FOLDER
from coldwatch.incidents.storms.rules import StormRules, read_rules


@cache
def load_storm_rules(folder: Path = FOLDER) -> StormRules:
    """Read once. Raises `StormRulesError`."""
    return read_rules((folder / "storms.json").read_bytes())
