from dataclasses import replace
from typing import Any

import pytest

from local.demo.verdict import Figures, Recording, checks, document

GOOD = Figures(
    iam_enforced=True,
    devices=20,
    published=30,
    accepted=20,
    duplicates=4,
    quarantined=6,
    refused=3,
    stored=20,
    archived=20,
    recording=Recording("heat", 10, stored=10, archived=10),
)


def test_figures_that_agree_pass_every_check() -> None:
    assert all(check.holds for check in checks(GOOD))


@pytest.mark.parametrize(
    "fault",
    [
        {"iam_enforced": False},
        {"published": 31},
        {"stored": 19},
        {"archived": 21},
        {"recording": Recording("heat", 10, stored=9, archived=10)},
        {"recording": Recording("heat", 10, stored=10, archived=9)},
        {"refused": 0},
        {"unrefused": ("another device's commands",)},
    ],
)
def test_one_figure_that_is_off_fails_one_check(fault: dict[str, Any]) -> None:
    assert [check.holds for check in checks(replace(GOOD, **fault))].count(False) == 1


def test_the_document_has_the_members_that_programs_of_others_read() -> None:
    found = document(GOOD)

    assert list(found) == [
        "iam_enforced",
        "devices",
        "published",
        "accepted",
        "duplicates",
        "quarantined",
        "refused",
        "stored",
        "archived",
        "recording",
        "incidents",
        "commands",
    ]
    assert found["recording"] == {"name": "heat", "readings": 10, "findings": []}
