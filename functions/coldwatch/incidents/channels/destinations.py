"""Where a message may go: what a channel's secret says, and which addresses of the network are nobody's inside.

A contact's channel must not become a way into the account's own network: only https, only names, only addresses that
are reachable from everywhere (no private, loopback, link-local or metadata address), and no redirect is followed.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from coldwatch.incidents.contacts import ChannelKind, ContactError

PAGERDUTY_HOSTS: Final = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_TEAMS_HOSTS = (".logic.azure.com", ".powerplatform.com", ".powerautomate.com", ".flow.microsoft.com")
_SHORTEST_KEY = 32
_LONGEST_URL = 2000


def read_secret(protocol: ChannelKind, text: str) -> dict[str, str]:
    """A channel's secret from the lines of a file. Raises ContactError, which never repeats the secret.

    Slack and Teams: the webhook's URL. PagerDuty: the routing key, then `eu` for the European service. Webhook: the
    URL, then the key that signs.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    match protocol, lines:
        case ChannelKind.SLACK, [url]:
            return {"url": _named(url, _SLACK_HOSTS, "Slack")}
        case ChannelKind.TEAMS, [url]:
            return {"url": _named(url, _TEAMS_HOSTS, "a Teams workflow")}
        case ChannelKind.PAGERDUTY, [key, *region] if _ROUTING_KEY.fullmatch(key) and len(region) <= 1:
            return {"routing_key": key, "region": _region(region)}
        case ChannelKind.WEBHOOK, [url, key] if len(key) >= _SHORTEST_KEY:
            return {"url": https_url(url), "key": key}
    raise ContactError(f"This is no secret of a {protocol} channel: {_FORMS[protocol]}.")


_FORMS: Mapping[ChannelKind, str] = {
    ChannelKind.SLACK: "one line, the URL of the incoming webhook",
    ChannelKind.TEAMS: "one line, the URL of the workflow",
    ChannelKind.PAGERDUTY: "the integration key of 32 characters, and `eu` on a second line for the European service",
    ChannelKind.WEBHOOK: f"two lines, the URL and a key of at least {_SHORTEST_KEY} characters",
}


def https_url(url: str) -> str:
    """Raises ContactError for one that is not https, that names no host, or that has a password or a fragment."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ContactError("A channel's URL cannot be read.") from None
    if parts.scheme != "https" or not host or parts.username or parts.fragment or len(url) > _LONGEST_URL:
        raise ContactError("A channel's URL is https, with a host, without a password and without a fragment.")
    if not url.isprintable() or not url.isascii() or " " in url:
        raise ContactError("A channel's URL is printable ASCII without spaces.")
    if _is_address(host) or "." not in host:
        raise ContactError("A channel's URL names its host; an address of the network, or a name inside, is refused.")
    return url


def is_public(address: str) -> bool:
    """Whether an address is one that anybody may reach.

    >>> [is_public(each) for each in ("93.184.215.14", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1")]
    [True, False, False, False, False]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if found in _TRANSLATED:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 behind NAT64 (RFC 6052)."""


def _named(url: str, hosts: tuple[str, ...], whose: str) -> str:
    host = urlsplit(https_url(url)).hostname or ""
    if not any(host == each or (each.startswith(".") and host.endswith(each)) for each in hosts):
        raise ContactError(f"This is no URL of {whose}. A service of your own takes the signed webhook.")
    return url


def _region(given: list[str]) -> str:
    region = given[0].lower() if given else "us"
    if region not in PAGERDUTY_HOSTS:
        raise ContactError("PagerDuty has the services `us` and `eu`.")
    return region


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        # 0x7f000001 and 2130706433 are addresses to a resolver, and names to nobody.
        return host.rpartition(".")[2].isdigit() or host.startswith("0x")
    return True
