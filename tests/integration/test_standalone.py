"""The wheel in an environment that has nothing but what it asks for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standalone import ROOT, Shown, commands, printed, write_files

UV = ROOT / ".local" / "environments" / "bootstrap" / "bin" / "uv"

pytestmark = pytest.mark.long


def ran(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Without this run's own Python path: the wheel has to bring everything."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment's programs. The wheel is built from a copy, since building leaves files behind."""
    folder = tmp_path_factory.mktemp("standalone")
    source = folder / "source"
    for name in ("functions", "ops", "detectors"):
        shutil.copytree(ROOT / name, source / name, symlinks=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    python = ("--python", sys.executable)
    built = ran(UV, "build", "--quiet", "--wheel", *python, "--out-dir", folder, source, cwd=folder)
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("*.whl")
    environment = folder / "environment"
    made = ran(UV, "venv", "--no-project", *python, environment, cwd=folder)
    filled = ran(UV, "pip", "install", "--python", environment, wheel, cwd=folder)
    assert (made.returncode, filled.returncode) == (0, 0), made.stderr + filled.stderr
    return environment / "bin"


@pytest.mark.parametrize("shown", commands(), ids=lambda shown: " ".join(shown.words))
def test_a_command_of_the_page_runs(installed: Path, shown: Shown, tmp_path: Path) -> None:
    write_files(tmp_path)

    done = ran(installed / "coldwatch", *shown.words, cwd=tmp_path)

    assert (done.returncode, printed(done.stdout)) == (0, shown.output), done.stderr


def test_it_brings_no_extra(installed: Path, tmp_path: Path) -> None:
    for name in ("boto3", "pyarrow", "matplotlib"):
        assert ran(installed / "python", "-c", f"import {name}", cwd=tmp_path).returncode == 1


def test_profiles_come_with_it(installed: Path, tmp_path: Path) -> None:
    rows = [f"a,{1_767_225_600_000 + minute * 60_000},{12 if minute > 5 else 4}\n" for minute in range(60)]
    (tmp_path / "t.csv").write_text("device_id,timestamp,temp_c\n" + "".join(rows))
    words = ("backtest", ROOT / "detectors/models/sustained_excursion_high.json", "--telemetry", "t.csv", "--profile")

    patient = ran(installed / "coldwatch", *words, "haccp_cold", cwd=tmp_path)
    strict = ran(installed / "coldwatch", *words, "cdc_refrigerator", "--jobs", "2", cwd=tmp_path)

    assert "sustained_excursion_high with haccp_cold would never have fired." in patient.stdout, patient.stderr
    assert "would have fired 1 time (on 1 device" in strict.stdout, strict.stderr


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("--telemetry", "t.parquet"), "[parquet]"),
        (("--telemetry", "s3://bucket/telemetry"), "[aws]"),
        (("--telemetry", "pumps.csv", "--plot", "p.png"), "[plot]"),
    ],
)
def test_what_needs_an_extra_says_so(installed: Path, words: tuple[str, ...], extra: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")

    done = ran(installed / "coldwatch", "backtest", "pump.json", *words, cwd=tmp_path)

    assert (done.returncode, extra in done.stderr) == (6, True), done.stderr
