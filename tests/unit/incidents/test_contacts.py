"""Contacts and the subscriptions that tell them: what is refused, what is found."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.incidents.contacts import (
    Address,
    ChannelKind,
    Contact,
    ContactError,
    FindingKind,
    Subscription,
    filter_policy,
    find_faults,
    is_left_over,
    is_of,
    keep_known,
    make_contact,
    must_be_replaced,
    unreadable,
)
from coldwatch.incidents.escalation.naming import Named, find_unknown

MAIL, PHONE = "ana@example.com", "+4915112345678"
ANA = Contact("ana", "Ana", (Address(ChannelKind.EMAIL, MAIL),))
BEN = Contact("ben", "Ben", (Address(ChannelKind.SMS, PHONE, 1),))
ARN = "arn:aws:sns:eu-west-1:000000000000:topic:1"
OF_ANA = Subscription("email", MAIL, ARN, filter_policy("ana"), "MessageAttributes")
OF_BEN = Subscription("sms", PHONE, ARN, filter_policy("ben"))


def kinds(contacts: list[Contact], *subscriptions: Subscription) -> list[tuple[str, str]]:
    return [(each.kind.value, each.subject) for each in find_faults(contacts, subscriptions)]


def test_a_contact_is_made_of_what_somebody_typed() -> None:
    made = make_contact("ana-2_x", "  Ana Müller ", [MAIL, MAIL], PHONE)

    assert made == Contact("ana-2_x", "Ana Müller", (Address(ChannelKind.EMAIL, MAIL), Address(ChannelKind.SMS, PHONE)))


@pytest.mark.parametrize("contact_id", [None, 5, "", "Ana", "-ana", "ana\n", "a b", "a" * 65, "é", '"]', ["ana"]])
def test_what_is_no_id_is_refused(contact_id: Any) -> None:
    with pytest.raises(ContactError, match="is no contact id"):
        make_contact(contact_id, "Ana", [MAIL], [])


@pytest.mark.parametrize("name", [None, 5, "", "   ", "x" * 81, "Ana\n", "Ana\x00", "Ana\u202e"])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(ContactError, match="a name of 1 to 80"):
        make_contact("ana", name, [MAIL], [])


@pytest.mark.parametrize(
    "mail",
    [
        "",
        "ana",
        "ana@localhost",
        "@example.com",
        "a b@example.com",
        "ana@example.com\n",
        "ana@example.com\x00",
        "ana@example..com",
        "ana@-x.com",
        '"ana"@example.com',
        "Ana <ana@example.com>",
        "ana@example.com,ben@example.com",
        "änä@example.com",
        "a" * 65 + "@example.com",
        "ana@" + "x." * 150 + "com",
        None,
        5,
        {"a": 1},
    ],
)
def test_what_is_no_mail_address_is_refused(mail: Any) -> None:
    with pytest.raises(ContactError, match="is not an e-mail address"):
        make_contact("ana", "Ana", [mail], [])


@pytest.mark.parametrize("phone", ["", "0151123", "+0151123456", "+49 151 123456", "+12345", "+" + "1" * 16, 49, None])
def test_what_is_no_telephone_number_is_refused(phone: Any) -> None:
    with pytest.raises(ContactError, match="is not a telephone number"):
        make_contact("ana", "Ana", [], [phone])


def test_a_contact_can_be_told_at_one_to_five_addresses() -> None:
    with pytest.raises(ContactError, match="cannot be told anything"):
        keep_known(make_contact("ana", "Ana", [], None), None)
    with pytest.raises(ContactError, match="at most 5"):
        make_contact("ana", "Ana", [f"a{number}@example.com" for number in range(6)], [])


@given(
    st.tuples(
        *[
            st.none()
            | st.text()
            | st.integers()
            | st.lists(st.text() | st.integers())
            | st.dictionaries(st.text(), st.text())
        ]
        * 4
    )
)
def test_whatever_is_typed_is_a_contact_or_a_sentence(typed: tuple[Any, Any, Any, Any]) -> None:
    made = None
    with suppress(ContactError):
        made = make_contact(*typed)

    assert made is None or made.addresses


def test_nothing_is_found_where_everybody_is_told_their_own() -> None:
    assert kinds([ANA, BEN], OF_ANA, OF_BEN) == []


@pytest.mark.parametrize(
    ("subscriptions", "found"),
    [
        ([], [("missing", "ana")]),
        ([replace(OF_ANA, arn=None, filter_policy=None)], [("pending", "ana")]),
        ([replace(OF_ANA, filter_policy=None)], [("wrong_filter", "ana")]),
        ([replace(OF_ANA, filter_policy=filter_policy("ben"))], [("wrong_filter", "ana")]),
        ([replace(OF_ANA, filter_scope="MessageBody")], [("wrong_filter", "ana")]),
        ([replace(OF_ANA, is_authenticated=False)], [("unprotected", MAIL)]),
        ([OF_ANA, OF_BEN], [("stranger", PHONE)]),
        ([OF_ANA, replace(OF_BEN, arn=None)], [("stranger", PHONE)]),
        ([OF_ANA, replace(OF_BEN, filter_policy=None)], [("stranger", PHONE), ("wrong_filter", PHONE)]),
        ([replace(OF_ANA, protocol="email-json")], [("missing", "ana"), ("stranger", MAIL)]),
    ],
)
def test_what_is_not_as_it_should_be_is_found(subscriptions: list[Subscription], found: list[tuple[str, str]]) -> None:
    assert kinds([ANA], *subscriptions) == found


def test_an_address_of_two_contacts_is_found() -> None:
    also = replace(ANA, contact_id="cem", name="Cem")

    assert kinds([ANA, also], OF_ANA) == [("shared", "ana")]


def test_every_kind_of_finding_has_been_found_here() -> None:
    cases = [
        find_faults([ANA, replace(ANA, contact_id="cem")], []),
        find_faults([ANA], [replace(OF_ANA, arn=None), OF_BEN]),
        find_faults([ANA], [replace(OF_ANA, is_authenticated=False, filter_policy="{")]),
        [unreadable("ana", "no JSON")],
        find_unknown([Named("rota week", "gone")], ["ana"], []),
    ]

    assert {finding.kind for case in cases for finding in case} == set(FindingKind)
    assert all(finding.sentence.endswith(".") for case in cases for finding in case)


values = st.sampled_from(["ana", "ben", "", None, 1, True]) | st.fixed_dictionaries(
    {}, optional={"prefix": st.just(""), "exists": st.booleans(), "anything-but": st.just(["ben"])}
)
policies = st.dictionaries(
    st.sampled_from(["contact_id", "page_id", "$or"]), st.lists(values, max_size=2) | values, max_size=2
)
texts = st.one_of(
    policies.map(json.dumps),
    st.sampled_from(['["ana"]', '{"contact_id":["ana"]} ', '{"contact_id":["ana"', "", "ana", "null"]),
    st.none(),
    st.text(max_size=20),
)


@given(texts, st.sampled_from([None, "MessageAttributes", "MessageBody", "x"]))
def test_a_subscription_is_accepted_only_with_the_filter_of_exactly_its_contact(
    policy: str | None, scope: str | None
) -> None:
    found = replace(OF_ANA, filter_policy=policy, filter_scope=scope)

    accepted = kinds([ANA], found) == []

    is_exact = scope not in {"MessageBody", "x"} and policy is not None and _parsed(policy) == {"contact_id": ["ana"]}
    assert accepted == is_exact
    assert must_be_replaced(found, ANA) != accepted


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def test_what_tells_a_contact_elsewhere_is_left_over_and_nothing_of_others() -> None:
    elsewhere = replace(OF_ANA, endpoint="old@example.com")

    assert is_left_over(elsewhere, ANA)
    assert not any(is_left_over(each, ANA) for each in (OF_ANA, OF_BEN, replace(elsewhere, arn=None)))
    assert not is_left_over(replace(elsewhere, filter_policy='{"contact_id":["ana","ben"]}'), ANA)


def test_what_ends_with_a_contact_is_at_its_addresses_or_for_it_alone() -> None:
    unfiltered, elsewhere = replace(OF_ANA, filter_policy=None), replace(OF_ANA, endpoint="old@example.com")

    assert all(is_of(each, ANA) for each in (OF_ANA, unfiltered, elsewhere))
    assert not any(is_of(each, ANA) for each in (OF_BEN, replace(OF_ANA, arn=None)))
