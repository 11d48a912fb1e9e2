"""What one device has its own way: single members of its profile, as the JSON object in its registry entry.

Somebody wrote them by hand, so each is judged by itself: a misspelt member does not take its neighbours' effect away.
"""

from dataclasses import replace
from typing import Any

import msgspec

from coldwatch.profiles.errors import ChangesError
from coldwatch.profiles.profile import Profile
from coldwatch.profiles.values import SHAPES, Values


def change(profile: Profile, text: str) -> tuple[Profile, tuple[str, ...]]:
    """The profile with what can be changed of it, and every fault in a sentence.

    Members that are right each but together contradict the profile are all left out.
    """
    members = _decode(text)
    if isinstance(members, str):
        return profile, (members,)
    values = profile.values
    changed: list[str] = []
    faults: list[str] = []
    for name, value in sorted(members.items()):
        outcome = _with_member(profile, values, name, value)
        if isinstance(outcome, str):
            faults.append(outcome)
        else:
            values = outcome
            changed.append(name)
    if contradictions := values.contradictions():
        return profile, (*faults, *contradictions)
    return replace(profile, values=values, changed=tuple(changed)), tuple(faults)


def check_changes(profile: Profile, text: str) -> Profile:
    """The changed profile, for whoever is about to store the changes; raises `ChangesError` for any fault."""
    changed, faults = change(profile, text)
    if faults:
        raise ChangesError(faults)
    return changed


def _decode(text: str) -> dict[str, Any] | str:
    try:
        members = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"The changes are not JSON: {error}."
    return members if isinstance(members, dict) else "The changes must be a JSON object of members and their values."


def _with_member(profile: Profile, values: Values, name: str, value: Any) -> Values | str:
    shape = SHAPES[profile.application]
    if name not in shape.__struct_fields__:
        known = ", ".join(shape.__struct_fields__)
        return f"{_shown(name)} is no member of a {profile.application} profile; there are {known}."
    try:
        return msgspec.convert(msgspec.to_builtins(values) | {name: value}, shape)
    except msgspec.ValidationError as error:
        # The decoder may go on with the value itself, whole and as it came.
        return f"`{name}`: {str(error).partition(' - at ')[0].lower()}."


def _shown(name: str) -> str:
    return f"`{name[:40].encode('unicode_escape').decode()}`"
