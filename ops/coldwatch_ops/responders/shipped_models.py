"""What incident each detector model of the shipped deployment opens."""

from functools import cache
from pathlib import Path

from coldwatch.incidents.incident import Severity
from coldwatch.incidents.ports import IncidentForm
from coldwatch.profiles.deployment import read_deployment

_DEPLOYMENT = Path(__file__).parents[1] / "shipped" / "deployment.json"


@cache
def forms() -> dict[str, IncidentForm]:
    """By the model's name."""
    return {
        name: IncidentForm(each.incident.kind, Severity(each.incident.severity), each.incident.title)
        for name, each in read_deployment(_DEPLOYMENT.read_bytes()).models.items()
        if each.incident is not None
    }
