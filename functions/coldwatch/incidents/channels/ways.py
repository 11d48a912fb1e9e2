"""The ways to a contact, in the order in which they are tried.

The first way that takes a message is enough, and whatever fails gives way to the next one at once. One exception: a
verified telephone is told as well, whatever else was: it is what wakes people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coldwatch.incidents.contacts import OF_SNS, Address, ChannelKind, Contact

SNS = "sns"
"""E-mail and text message of a contact: one publish to the topic tells both."""
_ALIKE = {"email": frozenset({ChannelKind.EMAIL, ChannelKind.SES_EMAIL}), SNS: OF_SNS}
"""What a tier may call several protocols at once; `email` is any mail."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way: what a page names it, and the addresses that one message reaches."""

    channel: str
    addresses: tuple[Address, ...] = ()

    @property
    def service(self) -> str:
        """What is likely to be down for everybody when it is for one. A webhook leads to a server of somebody's own."""
        kind, _, _ = self.channel.partition(":")
        return self.channel if kind == ChannelKind.WEBHOOK else kind

    @property
    def is_besides(self) -> bool:
        """Whether it is told even where another way has taken the message."""
        return any(each.protocol is ChannelKind.SMS for each in self.addresses)

    @property
    def mails(self) -> int:
        """How many mails SNS makes of one message."""
        return sum(each.protocol is ChannelKind.EMAIL for each in self.addresses)


def ways_of(contact: Contact, *, wanted: Sequence[str] = (), has_sender: bool = True) -> tuple[Way, ...]:
    """The ways that may be used, of those that are `wanted`, in that order; without a wish, in the contact's own."""
    usable = [each for each in contact.addresses if each.is_verified and (has_sender or each.protocol != "ses_email")]
    ways: dict[str, list[Address]] = {}
    for each in _in_order(usable, wanted):
        ways.setdefault(SNS if each.protocol in OF_SNS else each.channel, []).append(each)
    return tuple(Way(channel, tuple(addresses)) for channel, addresses in ways.items())


def unverified(contact: Contact, *, wanted: Sequence[str] = ()) -> tuple[Address, ...]:
    """Those that would be told if only somebody had shown that they are right."""
    return tuple(each for each in _in_order(contact.addresses, wanted) if not each.is_verified)


def _in_order(addresses: Sequence[Address], wanted: Sequence[str]) -> list[Address]:
    if not wanted:
        return list(addresses)
    found = [each for name in wanted for each in addresses if _is_meant(each, name)]
    return list(dict.fromkeys(found))


def _is_meant(address: Address, name: str) -> bool:
    return address.protocol in _ALIKE.get(name, ()) or name in {address.protocol.value, address.channel}
