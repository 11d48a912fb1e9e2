"""`coldwatch devices ...`."""

from argparse import Namespace
from pathlib import Path

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import SINCE, WHO, YES, Command, Context, argument
from coldwatch_ops.devices import allow_list, history, registry, view, watching
from coldwatch_ops.devices.allow_file import AllowedSerial, checked, read_allow_file
from coldwatch_ops.devices.certificates import make_claim_certificate
from coldwatch_ops.devices.names import APPLICATIONS
from coldwatch_ops.errors import UsageError
from coldwatch_ops.stack import Stack
from coldwatch_ops.times import parse_time


def run_list(options: Namespace, context: Context) -> Answer:
    return view.listed(list(registry.list_devices(context.open_stack(), options.fleet)))


def run_show(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    device = registry.get_device(stack, options.device_id)
    is_gateway = device.get("device_type") == "gateway"
    children = registry.children_of(stack, options.device_id) if is_gateway else []
    return view.shown(device, registry.latest_readings(stack, options.device_id), children)


def run_allow(options: Namespace, context: Context) -> Answer:
    serials = _serials_of(options)
    return view.allowed(allow_list.allow(context.open_stack(), serials))


def _serials_of(options: Namespace) -> list[AllowedSerial]:
    one = {
        "serial": options.serial,
        "application": options.application,
        "fleet_id": options.fleet,
        "device_type": options.device_type,
    }
    if options.file is not None:
        if any(value is not None for value in one.values()):
            raise UsageError("Give a file, or one device by --serial, --application, --fleet and --type; not both.")
        return read_allow_file(_read(Path(options.file)))
    if any(value is None for value in one.values()):
        raise UsageError("One device takes all of --serial, --application, --fleet and --type; or give a file.")
    return checked([("this device", one)])


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None


def run_release(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    if not options.yes:
        context.confirm(f"Lock the device with serial {options.serial} out of {stack.name} and allow a replacement?")
    return view.released(allow_list.release(stack, options.serial))


def run_adopt(options: Namespace, context: Context) -> Answer:
    child = registry.adopt(
        context.open_stack(),
        options.child_id,
        options.gateway,
        device_type=options.device_type,
        now_ms=context.now_ms(),
    )
    return view.adopted(child)


def run_orphan(options: Namespace, context: Context) -> Answer:
    return view.orphaned(options.child_id, registry.orphan(context.open_stack(), options.child_id))


def run_profile(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    wish = watching.Wish(options.profile, watching.parse_changes(options.set), options.clear)
    if not wish.profile and not wish.changes and not wish.forgets:
        return view.profiled(registry.get_device(stack, options.device_id))
    if not options.why:
        raise UsageError("Say why with --why: it is kept with what was and what is now, for whoever asks later.")
    return view.profiled(watching.give_profile(stack, options.device_id, wish, _said(stack, options, context)))


def _said(stack: Stack, options: Namespace, context: Context) -> history.Reason:
    if not options.why.strip():
        raise UsageError("--why is empty: say why.")
    return history.reason(stack, why=options.why, who=options.who, now_ms=context.now_ms())


def run_trip(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    said = _said(stack, options, context)
    return view.profiled(watching.begin_trip(stack, options.device_id, options.trip, said))


def run_history(options: Namespace, context: Context) -> Answer:
    since = parse_time(options.since, now_ms=context.now_ms()) if options.since else 0
    stack = context.open_stack()
    return view.history(history.of_device(stack, options.device_id, since=since))


def run_watch(options: Namespace, context: Context) -> Answer:
    return _watch(options, context, is_watched=True)


def run_unwatch(options: Namespace, context: Context) -> Answer:
    return _watch(options, context, is_watched=False)


def _watch(options: Namespace, context: Context, *, is_watched: bool) -> Answer:
    stack = context.open_stack()
    said = _said(stack, options, context)
    return view.watched(watching.watch(stack, options.device_id, is_watched=is_watched, said=said))


def run_claim_certificate(options: Namespace, context: Context) -> Answer:
    made = make_claim_certificate(context.open_stack(), options.application, Path(options.out))
    return view.claim_certificate(made)


_DEVICE = argument("device_id", metavar="DEVICE", help="the device's id")
_WHY = argument("--why", required=True, metavar="TEXT", help="kept with what was and what is now")

COMMANDS = (
    Command(
        "devices list",
        "list the devices of the registry",
        run_list,
        (argument("--fleet", metavar="FLEET", help="only this fleet"),),
    ),
    Command(
        "devices show",
        "show one device, its latest readings and its children",
        run_show,
        (argument("device_id", metavar="DEVICE", help="the device's id"),),
    ),
    Command(
        "devices allow",
        "put serials on the allow-list, so that devices with them can be provisioned",
        run_allow,
        (
            argument("file", nargs="?", metavar="FILE", help="CSV or JSON: serial, application, fleet_id, device_type"),
            argument("--serial", metavar="SERIAL", help="one device instead of a file: its serial"),
            argument("--application", choices=APPLICATIONS, help="its application"),
            argument("--fleet", metavar="FLEET", help="its fleet; no '-' in it"),
            argument("--type", dest="device_type", metavar="TYPE", help="its type, such as fridge"),
        ),
    ),
    Command(
        "devices release",
        "lock a replaced device out and let its serial be claimed again",
        run_release,
        (argument("serial", metavar="SERIAL", help="the serial on the allow-list"), YES),
    ),
    Command(
        "devices adopt",
        "let a gateway speak for a device",
        run_adopt,
        (
            argument("child_id", metavar="CHILD", help="the device spoken for"),
            argument("--gateway", required=True, metavar="THING", help="the gateway"),
            argument("--type", dest="device_type", metavar="TYPE", help="what a new child is, such as fridge"),
        ),
    ),
    Command(
        "devices orphan",
        "take a device from its gateway",
        run_orphan,
        (argument("child_id", metavar="CHILD", help="the device spoken for"),),
    ),
    Command(
        "devices profile",
        "show or change the limits that hold for a device",
        run_profile,
        (
            _DEVICE,
            argument("profile", nargs="?", metavar="PROFILE", help="the profile by name, such as who_refrigerator"),
            argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one member otherwise"),
            argument("--clear", action="store_true", help="back to what its type has"),
            argument("--why", metavar="TEXT", help="kept with what was and what is now; needed for a change"),
            WHO,
        ),
    ),
    Command(
        "devices trip",
        "begin a trip, for which cumulative limits count from nothing",
        run_trip,
        (
            _DEVICE,
            argument("trip", metavar="TRIP", help="its name, such as the shipment number"),
            _WHY,
            WHO,
        ),
    ),
    Command(
        "devices history",
        "show who changed the limits of a device, from what to what, and why",
        run_history,
        (_DEVICE, SINCE),
    ),
    Command(
        "devices watch",
        "let detectors look at a device again",
        run_watch,
        (
            _DEVICE,
            argument(
                "--why", default="watched again", metavar="TEXT", help="kept with the time; default: watched again"
            ),
            WHO,
        ),
    ),
    Command("devices unwatch", "store a device's telemetry, but raise no incidents", run_unwatch, (_DEVICE, _WHY, WHO)),
    Command(
        "devices claim-certificate",
        "make the certificate and key that new devices claim their own with",
        run_claim_certificate,
        (
            argument("--application", required=True, choices=APPLICATIONS, help="whose devices will claim"),
            argument("--out", required=True, metavar="DIR", help="folder for certificate.pem and private.key"),
        ),
    ),
)
