"""The folders keep their promises: what is a function, what ships with it, who imports whom."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
HANDLERS = sorted(path.parent.name for path in FUNCTIONS.glob("*/handler.py"))
DROPPED_BY_SAM = {"env", "venv", "ENV", "node_modules", "build", "dist"}


def modules() -> list[Path]:
    return sorted(path for path in FUNCTIONS.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def packages(path: Path) -> str:
    return ".".join(path.relative_to(FUNCTIONS).with_suffix("").parts)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_folder_with_a_handler_is_a_function(name: str) -> None:
    handler = importlib.import_module(f"{name}.handler")

    assert callable(handler.handler)
    assert (handler.__doc__ or "").startswith("Lambda: ")


def test_the_library_has_no_handler() -> None:
    assert not list((FUNCTIONS / "coldwatch").rglob("handler.py"))


def test_no_folder_shadows_the_standard_library_or_is_dropped_by_the_build() -> None:
    names = {path.name for path in FUNCTIONS.rglob("*") if path.is_dir()} - {"__pycache__"}

    assert not {path.name for path in FUNCTIONS.iterdir()} & set(sys.stdlib_module_names)
    assert not names & DROPPED_BY_SAM


@pytest.mark.parametrize("name", ["detectors", "schemas"])
def test_data_folders_ship_with_the_code(name: str) -> None:
    link = FUNCTIONS / name

    assert link.is_symlink(), "symlink lost: git config core.symlinks true"
    assert link.resolve() == FUNCTIONS.parent / name


@pytest.mark.parametrize("path", modules(), ids=packages)
def test_only_adapters_speak_to_aws(path: Path) -> None:
    if not is_within(packages(path), "coldwatch.adapters"):
        assert not [name for name in imports(path) if name.partition(".")[0] in {"boto3", "botocore"}]


def test_lines_of_metrics_are_written_in_one_place() -> None:
    writing = [packages(path) for path in modules() if "sys.stdout" in path.read_text()]

    assert writing == ["coldwatch.adapters.metric_lines"]


@pytest.mark.parametrize("path", modules(), ids=packages)
def test_only_settings_read_the_environment(path: Path) -> None:
    if packages(path) != "coldwatch.settings":
        assert "os" not in imports(path)


PURE = {
    "telemetry": (),
    "provisioning": ("telemetry",),
    "engine": (),
    "profiles": (),
    "detection": ("engine", "profiles", "telemetry"),
    "incidents": ("reports",),
    "reports": ("incidents",),
    "commands": ("incidents",),
}
"""Each pure package, and which others it may look at."""


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.parts[-2] in PURE or path.parts[-3] in PURE], ids=packages
)
def test_the_pure_packages_use_the_standard_library_msgspec_and_what_they_stand_on(path: Path) -> None:
    package = packages(path).split(".")[1]
    allowed = (f"coldwatch.{package}", *(f"coldwatch.{each}" for each in PURE[package]), "msgspec")
    if is_within(packages(path), "coldwatch.reports.pdf"):
        allowed = (*allowed, "pydyf")
    impure = {"time", "os", "random", "socket", "subprocess", "threading", "pathlib", "io", "logging"}

    for name in imports(path):
        assert any(is_within(name, each) for each in allowed) or (
            name.partition(".")[0] in sys.stdlib_module_names and name.partition(".")[0] not in impure
        ), name


@pytest.mark.parametrize("path", modules(), ids=packages)
def test_nobody_imports_a_handler_and_the_library_imports_no_function(path: Path) -> None:
    for name in imports(path):
        assert not name.endswith(".handler")
        assert name.partition(".")[0] not in HANDLERS or path.parent.name == name.partition(".")[0]


@pytest.mark.parametrize("path", modules(), ids=packages)
def test_a_module_fits_in_the_head(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) < 400
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or (body[-1].end_lineno or 0) - body[0].lineno < 25, f"{node.name} is too long"
