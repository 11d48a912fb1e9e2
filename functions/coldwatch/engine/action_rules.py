"""What single actions ask of their members together."""

from collections.abc import Mapping
from typing import Any, Final

from coldwatch.engine.documents import member_path, object_member, refuse_others
from coldwatch.engine.expressions import read_expression
from coldwatch.engine.model import Field, PayloadTemplate
from coldwatch.engine.report import Report

_VARIANTS: Final = ("stringValue", "integerValue", "doubleValue", "booleanValue")


def check_action(
    name: str, fields: Mapping[str, Any], payload: PayloadTemplate | None, path: str, report: Report
) -> None:
    match name:
        case "dynamoDB":
            _check_range_key(fields, path, report)
        case "dynamoDBv2" if payload is not None and payload.type != "JSON":
            told = "`type` must be JSON here: each member of the payload gets a column of its own"
            report.error(f"{path}.payload.type", told)
        case "iotSiteWise":
            _check_property(fields, path, report)


def _check_range_key(fields: Mapping[str, Any], path: str, report: Report) -> None:
    pair = ("rangeKeyField", "rangeKeyValue")
    given = [member for member in pair if member in fields]
    if len(given) == 1:
        [missing] = set(pair) - set(given)
        report.error(member_path(path, missing), f"`{missing}` is missing beside `{given[0]}`")


def _check_property(fields: Mapping[str, Any], path: str, report: Report) -> None:
    """An alias names a property, or an asset and the property's id do."""
    by_id = [member for member in ("assetId", "propertyId") if member in fields]
    if not (len(by_id) == 2 or (not by_id and "propertyAlias" in fields)):
        report.error(path, "a property is named by `propertyAlias`, or by `assetId` and `propertyId`")
    if "propertyValue" not in fields:
        report.warning(member_path(path, "propertyValue"), "there is no `propertyValue`, so nothing is written")


def read_property_value(fields: Mapping[str, Any], member: str, path: str, report: Report) -> Mapping[str, Field]:
    """`value` in one of its variants; `timestamp` and `quality` may be given."""
    place = member_path(path, member)
    document = object_member(fields, member, path, report)
    refuse_others(document, ("value", "timestamp", "quality"), place, report)
    variants = object_member(document, "value", place, report)
    if len(variants.keys() & set(_VARIANTS)) != 1:
        report.error(member_path(place, "value"), f"a value is one of {', '.join(f'`{each}`' for each in _VARIANTS)}")
    read: dict[str, Field] = {"value": _expressions(document, "value", _VARIANTS, place, report)}
    if "timestamp" in document:
        members = ("timeInSeconds", "offsetInNanos")
        if "timeInSeconds" not in object_member(document, "timestamp", place, report):
            report.error(f"{place}.timestamp.timeInSeconds", "`timeInSeconds` is missing")
        read["timestamp"] = _expressions(document, "timestamp", members, place, report)
    quality = read_expression(document, "quality", place, report) if "quality" in document else None
    return read if quality is None else {**read, "quality": quality}


def _expressions(
    document: Mapping[str, Any], member: str, known: tuple[str, ...], path: str, report: Report
) -> Mapping[str, Field]:
    place = member_path(path, member)
    inner = object_member(document, member, path, Report())  # what is no object has been told
    refuse_others(inner, known, place, report)
    found = {name: read_expression(inner, name, place, report) for name in known if name in inner}
    return {name: value for name, value in found.items() if value is not None}
