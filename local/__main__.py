"""`python -m local up|down|status`: the whole of Coldwatch on one machine."""

import argparse
import sys
import time
from collections.abc import Callable

from rich.console import Console

from local import deployment, endpoints, ports, process
from local.errors import LocalCloudError
from local.places import Places, places
from local.process import Running

console = Console(highlight=False, soft_wrap=True)


def up(where: Places, *, port: int, mqtt_port: int, keep: bool) -> Running:
    """Build, start and deploy; when any of it fails nothing is left running."""
    process.expect_none(where)
    gateway = ports.take(port, option="--port")
    broker = ports.take(mqtt_port, option="--mqtt-port")
    where.folder.mkdir(parents=True, exist_ok=True)
    where.deploy_log.write_bytes(b"")
    _step("building the functions (sam build)", lambda: deployment.build(where))
    cloud = _step("starting the local cloud", lambda: process.start(where, port=gateway, mqtt_port=broker, keep=keep))
    try:
        _step("deploying the template (sam deploy)", lambda: deployment.deploy(where, cloud))
        endpoints.write(where, cloud)
    except BaseException:
        process.stop(where)
        raise
    return cloud


def _step[T](what: str, work: Callable[[], T]) -> T:
    began = time.monotonic()
    with console.status(what):
        result = work()
    console.print(f"  {what} [dim]{time.monotonic() - began:.1f} s[/dim]")
    return result


def _tell(where: Places, cloud: Running) -> None:
    console.print(f"""
The local cloud is up, with IAM enforced.
  AWS endpoint  {cloud.endpoint_url}   (credentials test/test, region {process.REGION}, stack {deployment.STACK_NAME})
  MQTT over TLS localhost:{cloud.mqtt_port}   (certificate authority {where.certificate_authority})
  log           {where.log}
  inbox         {cloud.endpoint_url}/_coldwatch/inbox   (what responders are sent)
Try:  make play   (breaks a fridge; you are its responder)
      .venv/bin/coldwatch --local devices list
Stop: make down""")


def _up(where: Places, arguments: argparse.Namespace) -> int:
    cloud = up(where, port=arguments.port, mqtt_port=arguments.mqtt_port, keep=arguments.keep)
    _tell(where, cloud)
    return 0


def _down(where: Places, arguments: argparse.Namespace) -> int:
    stopped = process.stop(where)
    if arguments.forget:
        process.forget(where)
    console.print("The local cloud is down." if stopped else "No local cloud was running.")
    return 0


def _status(where: Places, _arguments: argparse.Namespace) -> int:
    if cloud := process.running(where):
        _tell(where, cloud)
        return 0
    console.print("No local cloud is running. `make up` starts one.")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="up|down|status")
    start = commands.add_parser("up", help="build, start and deploy, and leave it running")
    start.add_argument("--port", type=int, default=ports.GATEWAY_PORT, help="AWS endpoint; 0 takes any free port")
    start.add_argument("--mqtt-port", type=int, default=ports.MQTT_PORT, help="MQTT over TLS; 0 takes any free port")
    start.add_argument("--keep", action="store_true", help="keep the state for the next `up --keep`")
    start.set_defaults(run=_up)
    end = commands.add_parser("down", help="stop it and leave nothing behind")
    end.add_argument("--forget", action="store_true", help="remove kept state too")
    end.set_defaults(run=_down)
    commands.add_parser("status", help="is it up, and where").set_defaults(run=_status)
    return parser


def main(arguments: list[str]) -> int:
    """Exit code 0 done, 1 could not, 2 usage, 130 interrupted."""
    chosen = _parser().parse_args(arguments)
    try:
        with process.interruptible():
            return int(chosen.run(places(), chosen))
    except LocalCloudError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing is left running", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
