"""Where the local cloud listens."""

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".local/environments/cloud/bin/python"
START = "from local.cloud import loopback; loopback.install(); from ministack.app import main; main()"


def test_the_cloud_listens_on_the_loopback_address_alone(mended_cloud: "MendedCloud") -> None:
    ports = {mended_cloud.mqtt_port, int(mended_cloud.endpoint.rpartition(":")[2])}

    listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout.splitlines()

    addresses = [line.split()[3] for line in listening]
    ours = {address for address in addresses if int(address.rpartition(":")[2]) in ports}
    assert ours == {f"127.0.0.1:{port}" for port in ports}


def test_a_taken_mqtt_port_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as taken,
        closing(socket.create_server(("127.0.0.1", 0))) as free,
    ):
        mqtt_port, port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_PORT": str(mqtt_port),
        }
        ended = subprocess.run(
            [str(PYTHON), "-c", START],
            cwd=tmp_path,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert ended.returncode != 0
    assert f"MQTT cannot listen on 127.0.0.1:{mqtt_port}" in ended.stderr
