"""A digest as an HTML mail: the form of a page's mail, with a row for each incident and its link."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from coldwatch.incidents.channels import html_mail
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.wording import digest_facts


def digest_html(
    lines: Sequence[tuple[Incident, str]], *, subject: str, name: str, left: int, zone: tzinfo = UTC
) -> str:
    """The button leads to the gravest one."""
    said = digest_facts([incident for incident, _ in lines], zone)
    rows = [(title, f"{what} {link}") for (title, what), (_, link) in zip(said, lines, strict=True)]
    more = [f"Up to {left} more follow in the next message."] if left else []
    small = [*more, "The button shows the first; each link shows its own incident. The links are yours alone."]
    greeting = f"{name}, there were more messages for you than may be sent one by one. You are asked to look after:"
    return html_mail.render(subject=subject, greeting=greeting, facts=rows, deadline="", link=lines[0][1], small=small)
