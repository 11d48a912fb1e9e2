"""The fields of external actions, evaluated: what stands in them takes the type that its target has.

A table's name is text, whatever the expression gives; the key of a table is text or a number as its type says; a
property of an asset is what its variant says. `'123'` is an Integer and `'true'` a Boolean where one is asked for, as
the service's guide has it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.functions import to_boolean, to_decimal
from coldwatch.engine.model import Expression, ExternalAction, Field
from coldwatch.engine.run import Run
from coldwatch.engine.values import checked_number, is_number, text_of, type_name

type Conversion = Callable[[Any], Any]
type Conversions = Mapping[str, Conversion | Conversions]

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
"""Of a length that is read at once; none of 64 bits is longer."""
_MAX_SECONDS: Final = 31_556_889_864_403_199
_MAX_NANOSECONDS: Final = 999_999_999


def evaluated_fields(run: Run, action: ExternalAction, execution_id: str) -> dict[str, Any]:
    """Raises EvaluationError where one cannot be evaluated, or is not what its target takes."""
    conversions = _CONVERSIONS.get(action.type, {})
    fields = {
        name: _evaluated(run, field, _key_conversion(run, action, name) or conversions.get(name, text_of))
        for name, field in action.fields.items()
    }
    return _completed_entry(fields, run.now_ms, execution_id) if action.type == "iotSiteWise" else fields


def _evaluated(run: Run, field: Field, conversion: Conversion | Conversions) -> Any:
    if isinstance(field, Mapping):
        inner: Conversions = conversion if isinstance(conversion, Mapping) else {}
        return {name: _evaluated(run, value, inner.get(name, text_of)) for name, value in field.items()}
    if not isinstance(field, Expression):
        return field
    value = run.value(field)
    if isinstance(value, dict | list) or value is None:
        raise EvaluationError(f"a field cannot be {type_name(value)}")
    return value if isinstance(conversion, Mapping) else conversion(value)


def _key_conversion(run: Run, action: ExternalAction, name: str) -> Conversion | None:
    """A key's value is what the field beside it says."""
    if action.type != "dynamoDB" or name not in {"hashKeyValue", "rangeKeyValue"}:
        return None
    kind = action.fields.get(f"{name.removesuffix('Value')}Type")
    return _number if kind is not None and _evaluated(run, kind, _KEY_TYPE) == "NUMBER" else text_of


def _completed_entry(fields: dict[str, Any], now_ms: int, execution_id: str) -> dict[str, Any]:
    """An entry of an asset property has an id of its own, and the time of the evaluation unless the model gives one."""
    entry = {"entryId": execution_id, **fields}
    if "propertyValue" in entry:
        time = {"timeInSeconds": now_ms // 1000, "offsetInNanos": now_ms % 1000 * 1_000_000}
        entry["propertyValue"] = {"timestamp": time, **entry["propertyValue"]}
    return entry


def _number(value: Any) -> int | float:
    if is_number(value):
        return checked_number(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return checked_number(int(value))
    return _decimal(value)


def _integer(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if type(value) is int:
        checked_number(value)
        return value
    raise _no("an Integer", value)


def _decimal(value: Any) -> float:
    if isinstance(value, str):
        return to_decimal(value)
    if is_number(value):
        return float(checked_number(value))
    raise _no("a number", value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return to_boolean(value)
    raise _no("a Boolean", value)


def _within(least: int, most: int) -> Conversion:
    def convert(value: Any) -> int:
        number = _integer(value)
        if not least <= number <= most:
            raise EvaluationError(f"expected {least} to {most}, found {number}")
        return number

    return convert


def _one_of(*words: str) -> Conversion:
    def convert(value: Any) -> str:
        if isinstance(value, str) and value.upper() in words:
            return value.upper()
        raise _no(" or ".join(words), value)

    return convert


def _no(wanted: str, value: Any) -> EvaluationError:
    found = f"the String `{value[:60]}`" if isinstance(value, str) else type_name(value)
    return EvaluationError(f"expected {wanted}, found {found}")


_KEY_TYPE: Final = _one_of("STRING", "NUMBER")
_CONVERSIONS: Final[Mapping[str, Conversions]] = {
    "dynamoDB": {
        "hashKeyType": _KEY_TYPE,
        "rangeKeyType": _KEY_TYPE,
        "operation": _one_of("INSERT", "UPDATE", "DELETE"),
    },
    "iotSiteWise": {
        "propertyValue": {
            "value": {"integerValue": _integer, "doubleValue": _decimal, "booleanValue": _boolean},
            "timestamp": {
                "timeInSeconds": _within(1, _MAX_SECONDS),
                "offsetInNanos": _within(0, _MAX_NANOSECONDS),
            },
            "quality": _one_of("GOOD", "BAD", "UNCERTAIN"),
        }
    },
}
"""What is not here is text."""
