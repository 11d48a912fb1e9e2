"""Puts the real template into the local cloud with the real SAM CLI, as `sam build` and `sam deploy` would into AWS."""

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.errors import DeployError
from local.places import ENVIRONMENTS, ROOT, Places
from local.process import CREDENTIALS, REGION, Running, tail

STACK_NAME = "coldwatch-local"
PARAMETERS = {"Stage": "local", "StoreWindowSeconds": "1", "ArchiveBufferSeconds": "60"}


def architecture() -> str:
    """Lambda's word for this machine's processor: a package with compiled parts runs only on its own kind."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def build(places: Places) -> None:
    """`sam build` into the places' own folder. Raises DeployError."""
    _sam(places, {}, "build", "--config-env", "local", "--build-dir", str(places.build), *_overrides({}))


def deploy(
    places: Places, cloud: Running, parameters: Mapping[str, str] | None = None, *, stack_name: str = STACK_NAME
) -> None:
    """`sam deploy` what was built; `parameters` go over those of the local stage. Raises DeployError."""
    _sam(
        places,
        {"AWS_ENDPOINT_URL": cloud.endpoint_url},
        "deploy",
        *("--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"),
        *("--template-file", str(places.build / "template.yaml"), "--stack-name", stack_name),
        *_overrides(parameters or {}),
    )


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    chosen = {**PARAMETERS, "Architecture": architecture(), **parameters}
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in chosen.items())]


def _sam(places: Places, environment: Mapping[str, str], *arguments: str) -> None:
    """Run the SAM CLI, its words in `deploy.log`."""
    places.folder.mkdir(parents=True, exist_ok=True)
    with places.deploy_log.open("ab") as log:
        done = subprocess.run(
            [str(ENVIRONMENTS / "sam" / "bin" / "sam"), *arguments],
            cwd=ROOT,
            env={**_environment(places), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode:
        raise DeployError(f"sam {arguments[0]} failed ({places.deploy_log} has it all):\n{tail(places.deploy_log)}")


def _environment(places: Places) -> dict[str, str]:
    # SAM looks on PATH for a python3.13 that has pip, and keeps its own notes under HOME.
    pip_first = os.pathsep.join([str(ENVIRONMENTS / "bootstrap" / "bin"), os.environ["PATH"]])
    home = places.folder / "sam-home"
    Path(home).mkdir(parents=True, exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **CREDENTIALS,
        "AWS_DEFAULT_REGION": REGION,
        "PATH": pip_first,
        "HOME": str(home),
        "SAM_CLI_TELEMETRY": "0",
    }
