"""A MiniStack that changed under a mend is noticed before anything is mended."""

import subprocess

import pytest

from local.cloud.__main__ import MENDS
from tests.integration.local_cloud.conftest import PYTHON, ROOT

pytestmark = pytest.mark.cloud

# Runs --check on a MiniStack in which one name reads differently, or is gone.
CHANGED = """
import sys
from ministack.services import lambda_svc
{change}
from local.cloud.__main__ import main
sys.exit(main(["--check"]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not PYTHON.exists():
        pytest.fail(f"the local cloud's environment is missing ({PYTHON.relative_to(ROOT)}): run `make setup`")
    return subprocess.run([str(PYTHON), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_check_answers_for_every_mend() -> None:
    checked = run("-m", "local.cloud", "--check")

    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == f"{len(MENDS)} mends fit this MiniStack\n"


def test_a_wrapped_name_that_reads_differently_is_named_with_both_fingerprints() -> None:
    checked = run("-c", CHANGED.format(change="lambda_svc._poll_kinesis = lambda: True"))

    assert checked.returncode == 1
    assert "lambda_svc:_poll_kinesis changed (" in checked.stderr
    assert "read it again, then renew the fingerprint" in checked.stderr


def test_a_wrapped_name_that_is_gone_is_named() -> None:
    checked = run("-c", CHANGED.format(change="del lambda_svc._poll_kinesis"))

    assert checked.returncode == 1
    assert "lambda_svc:_poll_kinesis is gone; read the new MiniStack" in checked.stderr


def test_a_fingerprint_that_is_not_this_ministacks_is_told() -> None:
    checked = run(
        "-c",
        "from local.cloud.upstream import Upstream, changes\n"
        "print(*changes((Upstream('ministack.services.lambda_svc:_poll_kinesis', 'planted'),)))",
    )

    assert "lambda_svc:_poll_kinesis changed (planted -> " in checked.stdout
