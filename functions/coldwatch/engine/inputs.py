"""Inputs: the kinds of messages that models refer to, as `CreateInput` declared them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coldwatch.engine.cloudformation import input_documents
from coldwatch.engine.documents import decode, list_member, member_path, object_member, objects, text_member
from coldwatch.engine.errors import ExpressionError, ModelError
from coldwatch.engine.parser import parse_path
from coldwatch.engine.report import Report


@dataclass(frozen=True, slots=True)
class Input:
    name: str
    attributes: frozenset[tuple[str, ...]]
    """The declared paths. A whole branch may be declared by the path that leads to it."""

    def declares(self, path: tuple[str, ...]) -> bool:
        """Whether a path, one above it or one below it is declared."""
        return any(path[: len(each)] == each or each[: len(path)] == path for each in self.attributes)


def load_inputs(documents: Iterable[bytes | str | Mapping[str, Any]]) -> Mapping[str, Input]:
    """By name, from `CreateInput` bodies, what `DescribeInput` answered, or CloudFormation templates; raises ModelError
    with every fault.
    """
    report = Report()
    inputs: dict[str, Input] = {}
    for declared in (each for document in documents for each in read_inputs(document, report)):
        if declared.name in inputs:
            report.error("inputName", f"there is already an input `{declared.name}`")
        inputs[declared.name] = declared
    if report.errors:
        raise ModelError(report.errors)
    return inputs


def read_inputs(document: bytes | str | Mapping[str, Any], report: Report) -> list[Input]:
    """A template may declare several, or none."""
    decoded = decode(document, report)
    found = [] if decoded is None else [_read_input(body, report) for body in input_documents(decoded, report)]
    return [each for each in found if each is not None]


def _read_input(decoded: Mapping[str, Any], report: Report) -> Input | None:
    body = object_member(decoded, "input", "", report) if "input" in decoded else decoded
    configuration = object_member(body, "inputConfiguration", "", report) if "inputConfiguration" in body else body
    name = text_member(configuration, "inputName", "", report)
    definition = object_member(body, "inputDefinition", "", report)
    path = "inputDefinition.attributes"
    found = objects(list_member(definition, "attributes", "inputDefinition", report), path, report)
    if not found:
        report.error(path, "an input needs at least one attribute")
    attributes = [_read_attribute(attribute, place, report) for place, attribute in found]
    return None if name is None else Input(name, frozenset(each for each in attributes if each is not None))


def _read_attribute(document: Mapping[str, Any], path: str, report: Report) -> tuple[str, ...] | None:
    text = text_member(document, "jsonPath", path, report)
    if text is None:
        return None
    try:
        return parse_path(text)
    except ExpressionError as error:
        report.unreadable(member_path(path, "jsonPath"), error)
        return None
