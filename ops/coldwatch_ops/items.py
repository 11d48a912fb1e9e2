"""DynamoDB items as plain Python: the resource layer gives every number as a Decimal."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Mapping():
            return {name: plain(member) for name, member in value.items()}
        case list() | set():
            return [plain(member) for member in value]
    return value


def pages(request: Callable[..., Mapping[str, Any]], **arguments: Any) -> Iterator[Mapping[str, Any]]:
    """Every page of a Query or Scan, each fetched only when it is asked for."""
    while True:
        page = request(**arguments)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def items(request: Callable[..., Mapping[str, Any]], **arguments: Any) -> Iterator[dict[str, Any]]:
    for page in pages(request, **arguments):
        yield from map(plain, page["Items"])
