"""The shapes of an escalation policy's parts as documents have them; whatever has another is told where it has."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from coldwatch.incidents.policy import LONGEST_SNOOZE_S, SHORTEST_SNOOZE_S, AutoResolve, Severity

_AT = re.compile(r"(?P<what>.*) - at `\$(?P<where>.*)`")


class BySeverity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    critical: int
    warning: int

    def of(self, severity: Severity) -> int:
        return self.critical if severity is Severity.CRITICAL else self.warning


type Seconds = int | BySeverity
"""One for every severity, or one each."""


class ResponderForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contact: str | UnsetType = UNSET
    rota: str | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET


class TierForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    acknowledge_within_s: Seconds
    contacts: list[str] | UnsetType = UNSET
    responders: list[ResponderForm] | UnsetType = UNSET


class PlanForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rounds` and `resolve_within_s` are the names of the first version for `loops`, `acknowledgement_timeout_s`."""

    tiers: list[TierForm]
    rounds: int | UnsetType = UNSET
    loops: int | UnsetType = UNSET
    repeat_every_s: Seconds = 1800
    resolve_within_s: Seconds | UnsetType = UNSET
    acknowledgement_timeout_s: Seconds | UnsetType = UNSET
    auto_resolve: AutoResolve = AutoResolve.ACKNOWLEDGED
    hold_down_s: Seconds = 0
    snooze_min_s: int = SHORTEST_SNOOZE_S
    snooze_max_s: int = LONGEST_SNOOZE_S
    commands: tuple[str, ...] = ()
    acknowledged_target_s: Seconds | UnsetType = UNSET


class RuleForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plan: str
    when: dict[str, str | list[str]] = {}
    about: str = ""


class PolicyForm(msgspec.Struct, frozen=True):
    policy_id: str
    version: str = "1"
    about: str = ""
    severities: dict[str, Any] | UnsetType = UNSET
    plans: dict[str, Any] | UnsetType = UNSET
    rules: list[Any] | UnsetType = UNSET


def read_form[Form](given: Any, form: type[Form], where: str, faults: list[str]) -> Form | None:
    """None for what is no such form; then a fault was added that says where."""
    try:
        return msgspec.convert(given, form)
    except msgspec.ValidationError as error:
        told = _AT.fullmatch(str(error))
        what, inside = (told["what"], told["where"]) if told else (str(error), "")
        faults.append(said(f"{where}{inside}".removeprefix("."), what))
    return None


def said(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what


def named(given: Mapping[str, Any]) -> str:
    return ", ".join(sorted(given)) or "none"
