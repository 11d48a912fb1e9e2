"""DynamoDB items, in the low-level form that needs no Decimal.

A float is written as its shortest exact text (17 digits at most; DynamoDB keeps 38), so that what is read back is the
same double. NaN and infinity cannot occur: validation has bounded every number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

type Scalar = str | int | float | bool
type Item = dict[str, AttributeValueTypeDef]


def to_item(record: Mapping[str, Scalar | None]) -> Item:
    """`record` as an item; what is None is left out.

    >>> to_item({"temp_c": 4.25, "seq": 7, "door_open": False, "probe": None})
    {'temp_c': {'N': '4.25'}, 'seq': {'N': '7'}, 'door_open': {'BOOL': False}}
    """
    return {name: to_attribute(value) for name, value in record.items() if value is not None}


def to_attribute(value: Scalar) -> AttributeValueTypeDef:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case _:
            return {"N": repr(value)}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The scalars, and sets of strings, of an item."""
    return {name: _from_attribute(attribute) for name, attribute in item.items()}


def is_failed_condition(error: ClientError) -> bool:
    """Whether DynamoDB refused a write because its condition did not hold."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def _from_attribute(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind != "N":
        return value
    return int(value) if value.lstrip("-").isdecimal() else float(value)
