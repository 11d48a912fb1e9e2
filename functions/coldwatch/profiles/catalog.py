"""Every profile there is, and which of them holds for a device: its own, its type's, its application's.

A device whose own profile or changes are wrong is watched all the same, by the next profile in that order or without
the change; what was wrong goes with the answer, for somebody to be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from coldwatch.profiles.changes import change
from coldwatch.profiles.deployment import DefaultProfiles
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.profiles.errors import ProfileError
from coldwatch.profiles.profile import Profile
from coldwatch.profiles.values import FactoryValues

_REMEMBERED = 20_000

type _Choice = tuple[str, str | None, str | None, str | None]


@dataclass(frozen=True)
class ProfileInForce:
    """`faults` says, in sentences, what about the device's entry could not be followed."""

    profile: Profile
    faults: tuple[str, ...] = ()

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The profile as messages carry it. One object for all of them: it is not to be changed."""
        return self.profile.members()

    @cached_property
    def limits(self) -> Mapping[str, Mapping[str, float]]:
        """By sensor type; empty in a cold chain."""
        return self.profile.values.limits() if isinstance(self.profile.values, FactoryValues) else {}


class Catalog:
    """Raises `ProfileError` where two profiles share a name, or a default is none or is one of another application."""

    def __init__(self, profiles: Iterable[Profile], defaults: DefaultProfiles) -> None:
        self.profiles = _by_name(profiles)
        self._defaults = defaults
        self._in_force: dict[_Choice, ProfileInForce] = {}
        for application, name in (("coldchain", defaults.coldchain), ("factory", defaults.factory)):
            if fault := self._fault(name, application):
                raise ProfileError(f"The default profile of {application}: {fault}")
        for device_type, name in defaults.by_device_type.items():
            if name not in self.profiles:
                raise ProfileError(f"The default profile of the device type {device_type}: there is no profile {name}.")

    def in_force(self, device: RegisteredDevice) -> ProfileInForce:
        """Computed once for all devices that agree in what decides it."""
        choice = (device.application, device.device_type, device.profile, device.profile_changes)
        known = self._in_force.get(choice)
        if known is None:
            if len(self._in_force) >= _REMEMBERED:
                self._in_force.clear()
            known = self._in_force[choice] = self._choose(device)
        return known

    def _choose(self, device: RegisteredDevice) -> ProfileInForce:
        faults: list[str] = []
        profile = self._default(device)
        if device.profile:
            fault = self._fault(device.profile, device.application)
            if fault:
                faults.append(f"{fault} {profile.name} holds instead.")
            else:
                profile = self.profiles[device.profile]
        if device.profile_changes:
            profile, wrong = change(profile, device.profile_changes)
            faults += wrong
        return ProfileInForce(profile, tuple(faults))

    def _default(self, device: RegisteredDevice) -> Profile:
        """That of the type, where it is one of the device's application."""
        of_type = self.profiles.get(self._defaults.by_device_type.get(device.device_type or "", ""))
        if of_type and of_type.application == device.application:
            return of_type
        return self.profiles[self._defaults.factory if device.application == "factory" else self._defaults.coldchain]

    def _fault(self, name: str, application: str) -> str | None:
        profile = self.profiles.get(name)
        if profile is None:
            return f"There is no profile {name[:64]!r}; there are {', '.join(sorted(self.profiles))}."
        if profile.application != application:
            return f"The profile {name} is one of {profile.application}, not of {application}."
        return None


def _by_name(profiles: Iterable[Profile]) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for profile in profiles:
        if profile.name in found:
            raise ProfileError(f"Two profiles are called {profile.name}.")
        found[profile.name] = profile
    return found
