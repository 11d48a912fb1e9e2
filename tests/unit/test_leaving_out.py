"""Tests that need a browser or axe are left out where there is none, and never in CI."""

import pytest

from tests.e2e.leaving_out import missing, skip_without


def test_a_developer_without_a_browser_is_not_held_up() -> None:
    missing("no chromium", {})
    with pytest.raises(pytest.skip.Exception, match="no chromium"):
        skip_without("no chromium", {})


def test_nothing_is_left_out_in_ci() -> None:
    for leave_out in (missing, skip_without):
        with pytest.raises(pytest.fail.Exception, match="no chromium"):
            leave_out("no chromium", {"CI": "1"})
