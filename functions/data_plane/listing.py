"""A page of a model's detectors or alarms, and the token that leads to the next one."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.orders import as_deployed
from coldwatch.detection.overlay import load
from data_plane.errors import invalid
from data_plane.knowledge import Ports

DEFAULT_RESULTS: Final = 100
MOST_LOADS: Final = 10
"""A page for which nothing was found after so many looks is answered as it is, with a token: a state may be rare."""


def list_page(watch: Watch, query: Mapping[str, Any], ports: Ports) -> tuple[list[Detector], str | None]:
    """Those that there are, in the order of their keys."""
    wanted = query.get("maxResults", DEFAULT_RESULTS)
    after = _behind(query.get("nextToken"), watch.name)
    found: list[Detector] = []
    for _ in range(MOST_LOADS):
        names, after = ports.index.page(watch.name, after=after, at_most=wanted - len(found))
        found += _there(names, watch, query.get("stateName"), ports)
        if after is None or len(found) == wanted:
            break
    return found, None if after is None else base64.urlsafe_b64encode(after.encode()).decode()


def _there(names: Any, watch: Watch, state: str | None, ports: Ports) -> Iterator[Detector]:
    known = load(names, ports.commit.detectors, ports.commit.logs).detectors
    for name in names:
        detector = as_deployed(known[name], watch) if name in known else None
        if detector is not None and detector.snapshot is not None and state in (None, detector.snapshot.state):
            yield detector


def _behind(token: str | None, model: str) -> str | None:
    if token is None:
        return None
    try:
        name = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        name = ""
    if not name.startswith(f"{model}/"):
        raise invalid("nextToken is not from a list of this model")
    return name
