"""`coldwatch incidents revoke-links`: what was sent opens nothing any more."""

from argparse import Namespace

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.errors import NotFoundError
from coldwatch_ops.text import count, escape


def run_revoke(options: Namespace, context: Context) -> Answer:
    """Links that were taken back before are left as they are, so it may be repeated."""
    from coldwatch.adapters.incident_store import DynamoIncidentStore  # noqa: PLC0415 - boto3 is an optional dependency
    from coldwatch.adapters.link_store import DynamoLinkStore  # noqa: PLC0415 - boto3 is an optional dependency

    stack, now_ms = context.open_stack(), context.now_ms()
    client, incident_id = stack.clients.dynamodb_client, options.incident_id
    if DynamoIncidentStore(client, stack.output("IncidentTableName")).find(incident_id) is None:
        raise NotFoundError(f"There is no incident {incident_id}.")
    links = DynamoLinkStore(client, stack.output("LinkTableName"))
    meant = [each for each in links.of_incident(incident_id) if options.contact in {None, each.contact_id}]
    revoked = [each for each in meant if links.revoke(each, now_ms=now_ms)]
    whose = sorted({each.contact_id for each in revoked})
    document = {"incident_id": incident_id, "links": len(meant), "revoked": len(revoked), "contacts": whose}
    return Answer(document, _told(len(meant), len(revoked), whose))


def _told(meant: int, revoked: int, whose: list[str]) -> tuple[str, ...]:
    if not meant:
        return ("No link fits.",)
    of = f" of {', '.join(map(escape, whose))}" if whose else ""
    return (
        f"{count(revoked, 'link')}{of} taken back; {meant - revoked} had been before.",
        "Whoever is told from now on gets a new one.",
    )


REVOKE_LINKS = Command(
    "incidents revoke-links",
    "take back the links of an incident: they show and do nothing any more",
    run_revoke,
    (
        argument("incident_id", metavar="INCIDENT", help="the incident's id"),
        argument("--contact", metavar="CONTACT", help="only this contact's"),
    ),
)
