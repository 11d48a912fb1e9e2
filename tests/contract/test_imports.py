"""What a cold start has to load. The wrong import costs more than all the telemetry of a batch."""

import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
HEAVY = {
    "aws_xray_sdk",
    "jsonschema",
    "pydantic",
    "aws_lambda_powertools.utilities.batch",
    "numpy",
    "pydyf",
    "requests",
}


def loaded_by(module: str) -> set[str]:
    """The modules of a fresh interpreter that has imported `module` as Lambda does: from the package's root."""
    program = f"import sys; sys.path.insert(0, {str(FUNCTIONS)!r}); import {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", sorted(path.parent.name for path in FUNCTIONS.glob("*/handler.py")))
def test_a_handler_loads_nothing_heavy_and_needs_no_environment(name: str) -> None:
    assert not loaded_by(f"{name}.handler") & HEAVY


@pytest.mark.parametrize(
    "name",
    [
        "coldwatch.telemetry.judgement",
        "coldwatch.provisioning.claim",
        "coldwatch.engine.machine",
        "coldwatch.detection.step",
        "coldwatch.incidents.answering",
        "coldwatch.commands.settlement",
    ],
)
def test_the_pure_packages_load_no_aws(name: str) -> None:
    assert not loaded_by(name) & {"boto3", "botocore", "aws_lambda_powertools"}
