"""Which partitions a table with partition projection has. Pure.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import unquote

_TOKENS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_NOW = re.compile(r"NOW(?:\s*([+-])\s*(\d+)\s*(\w+?)S?)?", re.IGNORECASE)
_DAYS = {"YEAR": 365, "MONTH": 30, "WEEK": 7, "DAY": 1}
_SECONDS = {"HOUR": 3600, "MINUTE": 60, "SECOND": 1}


class UnreadableProjectionError(Exception):
    """The table's projection is not one that Athena would take; says what is wrong with it."""


def is_projected(parameters: Mapping[str, str]) -> bool:
    return str(parameters.get("projection.enabled", "")).lower() == "true"


def visible(paths: Iterable[str], columns: Iterable[str], parameters: Mapping[str, str], now: datetime) -> list[str]:
    """The paths whose `column=value` folders name a partition that the projection has; `now` is naive, in UTC."""
    names = list(columns)
    admitted: dict[tuple[str, ...], bool] = {}
    return [path for path in paths if _is_admitted(_partition(path, names), names, parameters, now, admitted)]


def _partition(path: str, columns: list[str]) -> tuple[str, ...]:
    folders = dict(part.split("=", 1) for part in path.split("/")[:-1] if "=" in part)
    return tuple(unquote(folders.get(column, "")) for column in columns)


def _is_admitted(
    partition: tuple[str, ...],
    columns: list[str],
    parameters: Mapping[str, str],
    now: datetime,
    admitted: dict[tuple[str, ...], bool],
) -> bool:
    """Remembered in `admitted`: many objects share a partition."""
    if partition not in admitted:
        admitted[partition] = all(
            has_value(column, value, parameters, now) for column, value in zip(columns, partition, strict=True)
        )
    return admitted[partition]


def has_value(column: str, value: str, parameters: Mapping[str, str], now: datetime) -> bool:
    """Whether the projection of the column comes past this value. Raises UnreadableProjectionError."""
    match parameters.get(f"projection.{column}.type", "").lower():
        case "enum":
            return value in [one.strip() for one in _required(parameters, column, "values").split(",")]
        case "integer":
            low, high = (int(end) for end in _range(parameters, column))
            return value.lstrip("-").isdigit() and low <= int(value) <= high
        case "date":
            return _has_date(value, column, parameters, now)
        case "injected":
            return bool(value)
        case kind:
            raise UnreadableProjectionError(
                f"projection.{column}.type is {kind!r}: not enum, integer, date or injected"
            )


def _has_date(value: str, column: str, parameters: Mapping[str, str], now: datetime) -> bool:
    pattern = _strptime(_required(parameters, column, "format"))
    first, last = (_moment(end, pattern, now) for end in _range(parameters, column))
    try:
        return first <= datetime.strptime(value, pattern) <= last  # noqa: DTZ007 - partitions have no time zone
    except ValueError:
        return False


def _strptime(java: str) -> str:
    return re.sub("|".join(_TOKENS), lambda found: _TOKENS[found[0]], java)


def _moment(text: str, pattern: str, now: datetime) -> datetime:
    """A date in the column's own format, or `NOW`, `NOW-3YEARS`, `NOW+1DAYS`."""
    relative = _NOW.fullmatch(text)
    if relative is None:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - likewise
        except ValueError as error:
            raise UnreadableProjectionError(f"the end {text!r} of a projected range is not a date") from error
    sign, count, unit = relative.groups()
    if unit is None:
        return now
    days, seconds = _DAYS.get(unit.upper(), 0), _SECONDS.get(unit.upper(), 0)
    return now + int(f"{sign}{count}") * timedelta(days=days, seconds=seconds)


def _range(parameters: Mapping[str, str], column: str) -> tuple[str, str]:
    first, _, last = _required(parameters, column, "range").partition(",")
    return first.strip(), last.strip()


def _required(parameters: Mapping[str, str], column: str, name: str) -> str:
    key = f"projection.{column}.{name}"
    if key not in parameters:
        raise UnreadableProjectionError(f"the table has no {key}")
    return parameters[key]
