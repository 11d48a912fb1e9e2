"""Where a device publishes and listens."""

RULES = "$aws/rules"


def telemetry(application: str, thing: str, *, prefix: str = "") -> str:
    return f"{prefix}dt/{application}/{thing}/telemetry"


def basic_ingest(rule: str, topic: str) -> str:
    """The same topic, delivered to one rule without passing the message broker.

    https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html
    """
    return f"{RULES}/{rule}/{topic}"


def command_request(thing: str, *, prefix: str = "") -> str:
    return f"{prefix}cmd/{thing}/request"


def command_response(thing: str, *, prefix: str = "") -> str:
    return f"{prefix}cmd/{thing}/response"
