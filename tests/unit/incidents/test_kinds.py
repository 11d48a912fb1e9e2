"""The one table of kinds: it knows all that there are, and leaves room for others."""

from typing import get_args, get_type_hints

import msgspec
import pytest

from coldwatch.commands.incident import KIND
from coldwatch.incidents import kinds
from coldwatch.incidents.kinds import Kind, about
from coldwatch.incidents.readings import excursion, limits, limits_shown, measure_of
from coldwatch.incidents.wording import Key, text
from coldwatch.profiles.deployment import IncidentForm
from coldwatch.profiles.values import SHAPES
from tests.unit.incidents.builders import NOW, incident

OF_MODELS = set(get_args(get_type_hints(IncidentForm)["kind"]))


def test_the_table_knows_every_kind_that_a_model_may_open_and_every_one_without_a_model() -> None:
    assert {str(each) for each in Kind} == OF_MODELS | {str(each) for each in kinds.WITHOUT_RECOVERY}
    assert KIND in kinds.WITHOUT_RECOVERY


@pytest.mark.parametrize(
    ("kind", "model"), [*((kind, "") for kind in sorted(OF_MODELS)), ("silent", "probe_lost"), ("silent", "another")]
)
def test_what_the_table_says_of_a_profile_is_a_member_of_one(kind: str, model: str) -> None:
    members = {each.name for shape in SHAPES.values() for each in msgspec.structs.fields(shape)}
    found = about(kind, model)

    named = {each.format(sensor="pressure") for each in (found.low, found.high, found.lasts_s) if each}

    assert named <= members


def test_a_kind_that_nobody_knows_is_about_no_reading_and_shows_the_devices_own_measure() -> None:
    of = incident(kind="humidity_high", peak=99.0)
    readings = [{"timestamp": NOW, "temp_c": 99.0}]

    assert (excursion(of, readings), limits(of), limits_shown(of)) == (None, (None, None), (0.0, 8.0))
    assert measure_of(of) is kinds.TEMPERATURE
    assert "degrees" not in text(of, name="Ana", key=Key("https://x/a/s"))
