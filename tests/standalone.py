"""docs/standalone.md taken at its word: the files that it shows, its commands, and what they print."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "standalone.md").read_text()
_FILE = re.compile(r"^`([\w.]+)`[^\n]*(?:\n[^\n`]+)*\n\n```(?:json|csv)\n(.*?\n)```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"```sh\n(coldwatch [^\n]+)\n```\n\n```text\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Shown:
    words: tuple[str, ...]
    output: str


def commands() -> list[Shown]:
    return [Shown(tuple(line.split()[1:]), output) for line, output in _COMMAND.findall(DOCUMENT)]


def write_files(folder: Path) -> None:
    for name, content in _FILE.findall(DOCUMENT):
        (folder / name).write_text(content)
    pump = (folder / "pump.json").read_text()
    (folder / "pump80.json").write_text(pump.replace("70", "80"))


def printed(output: str) -> str:
    """Tables fill their last column with blanks, which no document keeps."""
    return "".join(f"{line.rstrip()}\n" for line in output.splitlines())
