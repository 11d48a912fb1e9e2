"""`coldwatch validate`: every diagnostic of every file."""

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldwatch.adapters.detector_files import load_detectors
from coldwatch.engine.alarm_checks import check_alarm
from coldwatch.engine.alarm_model import is_alarm_model
from coldwatch.engine.checker import check
from coldwatch.engine.cloudformation import INPUT_TYPE, MODEL_TYPE, resource_names
from coldwatch.engine.documents import decode
from coldwatch.engine.errors import Finding, Level, ModelError
from coldwatch.engine.inputs import Input, read_inputs
from coldwatch.engine.report import Report
from coldwatch.profiles.errors import ProfilesError
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context
from coldwatch_ops.detectors.files import ModelFile, input_files, is_deployment, model_files, read_document
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape


@dataclass(frozen=True)
class Checked:
    name: str
    findings: tuple[Finding, ...]

    def count(self, level: Level) -> int:
        return sum(finding.level is level for finding in self.findings)


@dataclass(frozen=True)
class Rules:
    """What models are compared with."""

    inputs: Mapping[str, Input] | None
    strict_limits: bool


def run_validate(options: Namespace, _context: Context) -> Answer:
    """Files of inputs are checked like models when they are named, or when they are in the folder of `--inputs`. A
    folder with a deployment has its own.
    """
    deployments = [path for path in map(Path, options.files) if is_deployment(path)]
    checked = [_check_deployment(folder) for folder in deployments]
    inputs: Mapping[str, Input] | None = None
    known: set[Path] = set()
    place = options.inputs or next((str(folder / "inputs") for folder in deployments), None)
    if place is not None:
        paths = input_files(place)
        inputs = _check_inputs(paths, checked)
        known = {path.resolve() for path in paths}
    rules = Rules(inputs, options.strict_limits)
    for file in model_files(options.files):
        checked += _check_file(file, rules, are_inputs_told=file.path.resolve() in known)
    return _answer(checked, with_notes=options.notes)


def _check_deployment(folder: Path) -> Checked:
    """What its models have wrong is told of them."""
    report = Report()
    try:
        load_detectors(folder)
    except ModelError:
        pass
    except (ProfilesError, OSError) as error:
        report.error("", str(error))
    return Checked(str(folder / "deployment.json"), tuple(report.findings))


def _answer(checked: list[Checked], *, with_notes: bool) -> Answer:
    """Notes are what a model's author may like to know: a row for each variable's type, for one."""
    errors, warnings, notes = (sum(each.count(level) for each in checked) for level in reversed(Level))
    document = {"files": [_document(each) for each in checked], "errors": errors, "warnings": warnings, "notes": notes}
    told = [
        line
        for each in checked
        for finding in each.findings
        if with_notes or finding.level is not Level.INFO
        for line in _lines(each.name, finding)
    ]
    summary = f"{count(len(checked), 'file')}: {count(errors, 'error')}, {count(warnings, 'warning')}."
    return Answer(document, (*told, summary), ExitCode.FAILED if errors else ExitCode.OK)


def _check_inputs(paths: list[Path], checked: list[Checked]) -> Mapping[str, Input]:
    inputs: dict[str, Input] = {}
    for path in paths:
        report = Report()
        for declared in _read_inputs(path, report):
            if declared.name in inputs:
                report.error("inputName", f"another file declares the input `{declared.name}` already")
            inputs[declared.name] = declared
        checked.append(Checked(str(path), tuple(report.findings)))
    return inputs


def _read_inputs(path: Path, report: Report) -> list[Input]:
    try:
        return read_inputs(read_document(path), report)
    except ModelError as error:
        report.findings += error.findings
        return []


def _check_file(file: ModelFile, rules: Rules, *, are_inputs_told: bool) -> list[Checked]:
    """A template counts as a file for each of its models."""
    try:
        content = read_document(file.path)
    except ModelError as error:
        return [] if are_inputs_told else [Checked(str(file.path), error.findings)]
    document = decode(content, Report()) or {}
    models = [file.resource] if file.resource else resource_names(document, MODEL_TYPE)
    if not models and not _declares_inputs(document):
        findings = _alarm_findings(content, rules) if is_alarm_model(document) else _findings(content, rules)
        return [] if are_inputs_told else [Checked(str(file.path), findings)]
    report = Report()
    own = {each.name: each for each in read_inputs(content, report)}
    told = [] if are_inputs_told or (models and not report.findings) else [Checked(str(file.path), (*report.findings,))]
    for name in models:
        label = f"{file.path}#{name}" if file.resource or len(models) > 1 else str(file.path)
        told.append(Checked(label, _findings(content, rules, own, name)))
    return told


def _findings(
    content: bytes, rules: Rules, own: Mapping[str, Input] | None = None, resource: str | None = None
) -> tuple[Finding, ...]:
    """A template's own inputs are known besides those that were named; without those, others may be elsewhere."""
    inputs = {**rules.inputs, **(own or {})} if rules.inputs is not None else own
    return check(
        content,
        inputs,
        are_all_inputs=rules.inputs is not None,
        resource=resource,
        strict_limits=rules.strict_limits,
    )


def _alarm_findings(content: bytes, rules: Rules) -> tuple[Finding, ...]:
    return check_alarm(content, rules.inputs, strict_limits=rules.strict_limits)


def _declares_inputs(document: Mapping[str, Any]) -> bool:
    is_input = {"inputDefinition", "InputDefinition", "input"} & document.keys() or document.get("Type") == INPUT_TYPE
    return bool(is_input or resource_names(document, INPUT_TYPE))


def _lines(name: str, finding: Finding) -> list[str]:
    first, *rest = str(finding).splitlines()
    return [escape(f"{name}: {first}"), *(f"  {escape(line)}" for line in rest)]


def _document(checked: Checked) -> dict[str, Any]:
    return {"file": checked.name, "findings": [_finding_document(each) for each in checked.findings]}


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
