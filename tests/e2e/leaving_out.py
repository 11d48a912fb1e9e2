"""What a machine lacks for a test: a developer goes on without it, in CI it is a fault: nothing is left out unseen."""

import os
from collections.abc import Mapping

import pytest


def missing(what: str, environment: Mapping[str, str] = os.environ) -> None:
    """Fails where CI is set; returns elsewhere, for a test that goes on without it."""
    if environment.get("CI"):
        pytest.fail(f"{what} (CI is set, so nothing is left out)", pytrace=False)


def skip_without(what: str, environment: Mapping[str, str] = os.environ) -> None:
    missing(what, environment)
    pytest.skip(what)
