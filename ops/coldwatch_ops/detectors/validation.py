"""`coldwatch validate`: every diagnostic of every file."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from coldwatch.engine.checker import check
from coldwatch.engine.errors import Finding, Level
from coldwatch.engine.inputs import Input, read_input
from coldwatch.engine.report import Report
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context
from coldwatch_ops.detectors.files import input_files, model_files, read_file
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape


@dataclass(frozen=True)
class Checked:
    path: Path
    findings: tuple[Finding, ...]

    def count(self, level: Level) -> int:
        return sum(finding.level is level for finding in self.findings)


def run_validate(options: Namespace, _context: Context) -> Answer:
    """Files of inputs are checked like models when they are named, or when they are in the folder of `--inputs`."""
    checked: list[Checked] = []
    inputs: Mapping[str, Input] | None = None
    if options.inputs is not None:
        inputs = _check_inputs(input_files(options.inputs), checked)
    known = {each.path.resolve() for each in checked}
    paths = [path for path in model_files(options.files) if path.resolve() not in known]
    checked += [_check_file(path, inputs) for path in paths]
    errors, warnings = (sum(each.count(level) for each in checked) for level in (Level.ERROR, Level.WARNING))
    document = {"files": [_document(each) for each in checked], "errors": errors, "warnings": warnings}
    told = [line for each in checked for finding in each.findings for line in _lines(each.path, finding)]
    summary = f"{count(len(checked), 'file')}: {count(errors, 'error')}, {count(warnings, 'warning')}."
    return Answer(document, (*told, summary), ExitCode.FAILED if errors else ExitCode.OK)


def _check_inputs(paths: list[Path], checked: list[Checked]) -> Mapping[str, Input]:
    inputs: dict[str, Input] = {}
    for path in paths:
        report = Report()
        declared = read_input(read_file(path), report)
        if declared is not None and declared.name in inputs:
            report.error("inputName", f"another file declares the input `{declared.name}` already")
        if declared is not None:
            inputs[declared.name] = declared
        checked.append(Checked(path, tuple(report.findings)))
    return inputs


def _check_file(path: Path, inputs: Mapping[str, Input] | None) -> Checked:
    content = read_file(path)
    if not _is_input(content):
        return Checked(path, check(content, inputs))
    report = Report()
    read_input(content, report)
    return Checked(path, tuple(report.findings))


def _is_input(content: bytes) -> bool:
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return isinstance(document, dict) and "inputDefinition" in document


def _lines(path: Path, finding: Finding) -> list[str]:
    first, *rest = str(finding).splitlines()
    return [escape(f"{path}: {first}"), *(f"  {escape(line)}" for line in rest)]


def _document(checked: Checked) -> dict[str, Any]:
    return {"file": str(checked.path), "findings": [_finding_document(each) for each in checked.findings]}


def _finding_document(finding: Finding) -> dict[str, Any]:
    document: dict[str, Any] = {
        "level": finding.level.value,
        "type": finding.type.value,
        "path": finding.path,
        "message": finding.message,
    }
    if finding.expression is not None:
        document["expression"] = finding.expression
    if finding.span is not None:
        document["span"] = {"start": finding.span.start, "end": finding.span.end}
    if finding.advice is not None:
        document["advice"] = finding.advice
    return document
