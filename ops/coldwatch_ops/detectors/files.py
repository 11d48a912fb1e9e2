"""The files that the commands on detector models read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from coldwatch.engine.alarm_model import AlarmModel, is_alarm_model, load_alarm_model
from coldwatch.engine.documents import decode
from coldwatch.engine.errors import Finding, ModelError
from coldwatch.engine.inputs import Input, load_inputs
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.report import Report
from coldwatch_ops.detectors.yaml_documents import json_of
from coldwatch_ops.errors import FailedError, UsageError

_SUFFIXES = (".json", ".yaml", ".yml", ".template")
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """As the command line names it: `pump.json`, or `template.yaml#Pump` for one resource of a template."""

    path: Path
    resource: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.resource is None else f"{self.path}#{self.resource}"

    @classmethod
    def named(cls, text: str) -> "ModelFile":
        path, mark, resource = text.rpartition("#")
        return cls(Path(path), resource) if mark and path and not Path(text).exists() else cls(Path(text))


def load_model_file(text: str) -> DetectorModel | AlarmModel:
    """The model of a file, named for the file if it has no name of its own."""
    file = ModelFile.named(text)
    name = _NO_NAME.sub("_", file.path.stem)[:128] or "model"
    try:
        content = read_document(file.path)
        if file.resource is None and is_alarm_model(decode(content, Report()) or {}):
            return load_alarm_model(content, name=name)
        return load_model(content, name=name, resource=file.resource)
    except ModelError as error:
        raise FailedError(f"{text} cannot run:", finding_lines(error.findings)) from None


def read_document(path: Path) -> bytes:
    """A file's JSON, also of one that is YAML; raises ModelError for what is neither."""
    content = read_file(path)
    is_yaml = path.suffix in {".yaml", ".yml"} or (path.suffix == ".template" and not content.lstrip().startswith(b"{"))
    return json_of(content) if is_yaml else content


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def model_files(texts: Iterable[str]) -> list[ModelFile]:
    """The files themselves; of a folder, every document in it. Of one with a deployment its models, and the versions
    before that they are rolled out in place of.
    """
    found: list[ModelFile] = []
    for text in texts:
        path = Path(text)
        if is_deployment(path):
            found += [
                ModelFile(each) for name in ("models", "previous") for each in sorted((path / name).glob("*.json"))
            ]
            continue
        if not path.is_dir():
            found.append(ModelFile.named(text))
            continue
        inside = documents_in(path)
        if not inside:
            raise UsageError(f"There is no {', '.join(f'*{suffix}' for suffix in _SUFFIXES)} in {path}.")
        found += map(ModelFile, inside)
    return found


def is_deployment(folder: Path) -> bool:
    return (folder / "deployment.json").is_file()


def documents_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file())


def input_files(place: str) -> list[Path]:
    path = Path(place)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"{place} is no folder of inputs, and no file either.")
    return documents_in(path)


def read_inputs(place: str | None) -> Mapping[str, Input] | None:
    """None when no inputs were named: then nothing is known about them."""
    if place is None:
        return None
    paths = input_files(place)
    try:
        return load_inputs(read_document(path) for path in paths)
    except ModelError as error:
        raise FailedError(f"The inputs in {place} cannot be used:", finding_lines(error.findings)) from None


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    return [line for finding in findings for line in str(finding).splitlines()]
