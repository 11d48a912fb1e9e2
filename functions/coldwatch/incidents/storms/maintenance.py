"""Maintenance windows: of whom or what nobody is told for a while, who said so, why, and until when. Pure.

A window always ends by itself. It may be ended earlier; what was said of it stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from coldwatch.incidents.incident import STORM, Incident, Severity

LONGEST_MS = 30 * 86_400_000
_MOST_TEXT = 500


class MaintenanceError(ValueError):
    """A window that cannot be; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a window is about. Whatever is said must fit; at least one thing is."""

    device: str | None = None
    gateway: str | None = None
    site: str | None = None
    fleet: str | None = None
    detector_model: str | None = None
    kind: str | None = None

    def covers(self, incident: Incident) -> bool:
        """A gateway's window is about the gateway and its devices, and so about their storm. A device's is about no
        storm, though that of a gateway goes by the gateway's name.
        """
        device_id = None if incident.kind == STORM else incident.device_id
        gateways = {incident.gateway, incident.device_id}
        return (
            self.device in {None, device_id}
            and (self.gateway is None or self.gateway in gateways)
            and self.site in {None, incident.site}
            and self.fleet in {None, incident.fleet_id}
            and self.detector_model in {None, incident.detector_model}
            and self.kind in {None, incident.kind}
        )

    @property
    def words(self) -> str:
        said = [(field.name.replace("_", " "), getattr(self, field.name)) for field in fields(self)]
        return ", ".join(f"{name} {value}" for name, value in said if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """Times are epoch ms. `is_even_critical`: nobody is told of critical incidents either."""

    window_id: str
    scope: Scope
    from_ms: int
    until_ms: int
    who: str
    why: str
    added_at: int
    is_even_critical: bool = False
    ended_at: int | None = None
    ended_by: str | None = None
    ended_why: str | None = None

    @property
    def end_ms(self) -> int:
        return self.until_ms if self.ended_at is None else min(self.until_ms, self.ended_at)

    def holds(self, now_ms: int) -> bool:
        return self.from_ms <= now_ms < self.end_ms

    def silences(self, incident: Incident, now_ms: int) -> bool:
        is_spared = incident.severity is Severity.CRITICAL and not self.is_even_critical
        return self.holds(now_ms) and not is_spared and self.scope.covers(incident)


def make_window(window: MaintenanceWindow) -> MaintenanceWindow:
    """The same window, if it may be. Raises `MaintenanceError`."""
    if not window.scope.words:
        raise MaintenanceError("Say what the window is about: a device, gateway, site, fleet, detector model or kind.")
    if window.until_ms <= max(window.from_ms, window.added_at):
        raise MaintenanceError("The window would be over before it begins to matter.")
    if window.until_ms - window.from_ms > LONGEST_MS:
        raise MaintenanceError("A window lasts 30 days at most; add another when this one is nearly over.")
    if window.from_ms - window.added_at > LONGEST_MS:
        raise MaintenanceError("A window begins within 30 days.")
    for name, text in (("who", window.who), ("why", window.why)):
        if not text.strip() or len(text) > _MOST_TEXT or not text.isprintable():
            raise MaintenanceError(f"Say {name}, in 1 to {_MOST_TEXT} printable characters.")
    return window


def silencing(windows: Iterable[MaintenanceWindow], incident: Incident, now_ms: int) -> MaintenanceWindow | None:
    """Of the windows that silence an incident the one that lasts longest."""
    holding = (each for each in windows if each.silences(incident, now_ms))
    return max(holding, key=lambda each: (each.end_ms, each.window_id), default=None)
