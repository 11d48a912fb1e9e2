"""Rotas as documents (`schemas/rota.schema.json`)."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from coldwatch.incidents.escalation.checks import is_name
from coldwatch.incidents.escalation.forms import read_form, said
from coldwatch.incidents.escalation.local_time import instant, to_ms
from coldwatch.incidents.escalation.rota import Hours, Layer, Override, Rota, RotaError
from coldwatch.incidents.time_zones import UnknownTimeZoneError, time_zone

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MOST_LAYERS, _MOST_PARTICIPANTS, _MOST_HOURS, _MOST_OVERRIDES = 20, 50, 50, 500
_EARLIEST, _LATEST = date(2000, 1, 1), date(2999, 12, 31)


class ShiftForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: int | msgspec.UnsetType = msgspec.UNSET
    weeks: int | msgspec.UnsetType = msgspec.UNSET


class HoursForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    from_: str
    until: str
    days: list[str] | msgspec.UnsetType = msgspec.UNSET


class LayerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    participants: list[str]
    start_date: str
    hand_over_at: str
    shift: ShiftForm
    name: str = ""
    hand_over_on: str | msgspec.UnsetType = msgspec.UNSET
    hours: list[HoursForm] | msgspec.UnsetType = msgspec.UNSET


class OverrideForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    contact: str
    from_: str
    until: str
    who: str = ""
    why: str = ""


class RotaForm(msgspec.Struct, frozen=True):
    rota_id: str
    time_zone: str
    layers: list[Any]
    version: str = "1"
    about: str = ""
    overrides: list[Any] = []


def read_rota(document: Mapping[str, object]) -> Rota:
    """A rota from its document. Raises `RotaError` with every fault that it has."""
    faults: list[str] = []
    form = read_form(document, RotaForm, "", faults)
    zone = _zone(form.time_zone, faults) if form else None
    if form and zone:
        layers = [_layer(each, number, faults) for number, each in enumerate(form.layers)]
        overrides = [_override(each, number, zone, faults) for number, each in enumerate(form.overrides)]
        faults.extend(_rota_faults(form))
        if not faults:
            made = tuple(each for each in layers if each), tuple(each for each in overrides if each)
            return Rota(form.rota_id, form.version, zone, *made)
    raise RotaError(str(document.get("rota_id", "")), faults)


def moment(text: str, zone: ZoneInfo) -> int:
    """Epoch milliseconds of an RFC 3339 time; one without an offset is local. Raises ValueError."""
    read = datetime.fromisoformat(text)
    if not _EARLIEST <= read.date() <= _LATEST:
        raise ValueError(text)
    return to_ms(read) if read.tzinfo else instant(read.date(), read.time(), zone)


def _zone(name: str, faults: list[str]) -> ZoneInfo | None:
    try:
        return time_zone(name)
    except UnknownTimeZoneError as error:
        faults.append(f"time_zone: {error}")
    return None


def _rota_faults(form: RotaForm) -> Iterator[str]:
    if not is_name(form.rota_id):
        yield "rota_id: 1 to 64 letters, digits, - and _"
    if not 0 < len(form.version) <= 64:
        yield "version: 1 to 64 characters"
    if not 0 < len(form.layers) <= _MOST_LAYERS:
        yield f"layers: there are between 1 and {_MOST_LAYERS}"
    if len(form.overrides) > _MOST_OVERRIDES:
        yield f"overrides: there are at most {_MOST_OVERRIDES}; leave out those that are over, the history keeps them"


def _layer(given: Any, number: int, faults: list[str]) -> Layer | None:
    where = f"layers[{number}]"
    form = read_form(given, LayerForm, where, faults)
    if form is None:
        return None
    if found := [*_layer_faults(form, where)]:
        faults.extend(found)
        return None
    return Layer(
        form.name or f"layer {number + 1}",
        tuple(form.participants),
        date.fromisoformat(form.start_date),
        time.fromisoformat(form.hand_over_at),
        form.shift.days or 7 * (form.shift.weeks or 1),
        tuple(_hours(each) for each in form.hours or ()),
    )


def _layer_faults(form: LayerForm, where: str) -> Iterator[str]:
    participants = form.participants
    if not 0 < len(participants) <= _MOST_PARTICIPANTS or not all(0 < len(each) <= 64 for each in participants):
        yield said(f"{where}.participants", f"give between 1 and {_MOST_PARTICIPANTS} contacts, in the order of turns")
    if not _CLOCK.fullmatch(form.hand_over_at):
        yield said(f"{where}.hand_over_at", f"{form.hand_over_at!r} is no time of day such as 09:00")
    if (form.shift.days is msgspec.UNSET) == (form.shift.weeks is msgspec.UNSET):
        yield said(f"{where}.shift", "a shift has `days` or `weeks`: give one of the two")
    if not all(1 <= each <= 366 for each in (form.shift.days, form.shift.weeks) if each is not msgspec.UNSET):
        yield said(f"{where}.shift", "a shift is between 1 and 366 days or weeks long")
    yield from _start_faults(form, where)
    if len(form.hours or ()) > _MOST_HOURS or form.hours == []:
        yield said(f"{where}.hours", f"give between 1 and {_MOST_HOURS}, or leave it out for all hours")
    for number, hours in enumerate(form.hours or ()):
        yield from _hours_faults(hours, f"{where}.hours[{number}]")


def _start_faults(form: LayerForm, where: str) -> Iterator[str]:
    try:
        start = date.fromisoformat(form.start_date)
    except ValueError:
        start = date.min
    if not _EARLIEST <= start <= _LATEST or len(form.start_date) != len("2026-01-05"):
        yield said(f"{where}.start_date", f"{form.start_date!r} is no date such as 2026-01-05")
    elif form.hand_over_on is msgspec.UNSET:
        return
    elif form.hand_over_on not in WEEKDAYS:
        yield said(f"{where}.hand_over_on", f"there is no {form.hand_over_on!r}; there are {', '.join(WEEKDAYS)}")
    elif form.shift.weeks is msgspec.UNSET:
        yield said(f"{where}.hand_over_on", "only shifts of whole weeks hand over on a weekday")
    elif form.hand_over_on != WEEKDAYS[start.weekday()]:
        start_day, day = WEEKDAYS[start.weekday()], form.hand_over_on
        yield said(f"{where}.start_date", f"{form.start_date} is a {start_day}, and the layer hands over on {day}")


def _hours_faults(hours: HoursForm, where: str) -> Iterator[str]:
    for name, given in (("from", hours.from_), ("until", hours.until)):
        if not _CLOCK.fullmatch(given):
            yield said(f"{where}.{name}", f"{given!r} is no time of day such as 18:00")
    days = hours.days if hours.days is not msgspec.UNSET else ["monday"]
    if not days or len(set(days)) != len(days) or not set(days) <= set(WEEKDAYS):
        yield said(f"{where}.days", f"give each day once, of {', '.join(WEEKDAYS)}; or leave it out for all")


def _hours(form: HoursForm) -> Hours:
    days = form.days or list(WEEKDAYS)
    return Hours(
        frozenset(WEEKDAYS.index(day) for day in days), time.fromisoformat(form.from_), time.fromisoformat(form.until)
    )


def _override(given: Any, number: int, zone: ZoneInfo, faults: list[str]) -> Override | None:
    where = f"overrides[{number}]"
    form = read_form(given, OverrideForm, where, faults)
    if form is None:
        return None
    try:
        begins, ends = moment(form.from_, zone), moment(form.until, zone)
    except ValueError:
        faults.append(said(where, "`from` and `until` are RFC 3339 times; without an offset, the rota's own time"))
        return None
    if ends <= begins:
        faults.append(said(where, f"it ends at {form.until}, which is not after its beginning, {form.from_}"))
    if not 0 < len(form.contact) <= 64:
        faults.append(said(f"{where}.contact", "a contact has no name, or one of more than 64 characters"))
    return Override(form.contact, begins, ends, form.who, form.why)
