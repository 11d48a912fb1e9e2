"""The template as Python sees it: intrinsic functions as {"Ref": ...} and {"Fn::...": ...}."""

from functools import cache
from pathlib import Path
from typing import Any

import cfnlint.decode.cfn_yaml

ROOT = Path(__file__).resolve().parents[2]


@cache
def template() -> dict[str, Any]:
    return dict(cfnlint.decode.cfn_yaml.load(str(ROOT / "template.yaml")))


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Logical id -> resource, for one CloudFormation type."""
    return {name: found for name, found in template()["Resources"].items() if found["Type"] == kind}


def shorten(value: Any) -> str:
    """A reference in one readable word: `TelemetryStream`, `QuarantineBucket/quarantine/*`, `thing/*`."""
    match value:
        case {"Ref": name}:
            return str(name)
        case {"Fn::GetAtt": [name, "Arn"] | [name, "Id"]} | {"Fn::GetAtt": name}:
            return str(name).removesuffix(".Arn")
        case {"Fn::Sub": [text, _]} | {"Fn::Sub": text}:
            return _without_arn(str(text))
    return str(value)


def _without_arn(text: str) -> str:
    own = "${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:"
    for start in (f"arn:{own}", "arn:${AWS::Partition}:"):
        text = text.removeprefix(start)
    return text.replace(".Arn}", "}").replace("${AWS::Region}:${AWS::AccountId}:", "")


def statements(policies: list[dict[str, Any]]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Sid -> (actions, resources), shortened, of every statement of some inline policies."""
    found = {}
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            found[statement["Sid"]] = (
                tuple(_listed(statement["Action"])),
                tuple(shorten(resource) for resource in _listed(statement["Resource"])),
            )
    return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
