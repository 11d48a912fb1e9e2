"""Everything that can be said about a model before it runs: all findings at once."""

from collections.abc import Mapping
from typing import Any

from coldwatch.engine.errors import Finding
from coldwatch.engine.inputs import Input
from coldwatch.engine.loader import read_model
from coldwatch.engine.report import Report


def check(model_document: bytes | str | Mapping[str, Any], inputs: Mapping[str, Input] | None) -> tuple[Finding, ...]:
    """`inputs` None says nothing about inputs."""
    report = Report()
    model = read_model(model_document, report)
    if model is not None and not model.inputs:
        report.error("", "no condition names an input, so nothing would ever be evaluated")
    if model is not None and inputs is not None:
        for name in sorted(model.inputs - inputs.keys()):
            report.error("", f"there is no input `{name}`")
    return tuple(report.findings)
