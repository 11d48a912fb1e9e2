"""Names that are made: the same facts, the same name; and text that no link carries."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.incidents.identity import ALPHABET, event_id, incident_id, link_hash, link_secret


@given(st.text(), st.text(), st.uuids().map(str))
def test_an_incidents_id_is_26_characters_that_nobody_mistakes(model: str, key: str, occurrence: str) -> None:
    made = incident_id(model.replace("\0", ""), key, occurrence)

    assert len(made) == 26
    assert set(made) <= set(ALPHABET)
    assert not set(ALPHABET) & set("ilou")


def test_another_model_key_or_occurrence_is_another_incident() -> None:
    ids = {incident_id(*each) for each in [("m", "k", "1"), ("m", "k", "2"), ("m", "l", "1"), ("mk", "", "1")]}

    assert len(ids) == 4


@given(st.binary(min_size=16, max_size=16))
def test_a_secret_is_stored_as_its_sha_256_and_each_has_its_own(random: bytes) -> None:
    secret = link_secret(random)

    assert link_hash(secret) == hashlib.sha256(secret.encode()).hexdigest()
    assert link_secret(bytes([random[0] ^ 1]) + random[1:]) != secret


@pytest.mark.parametrize(
    "text", ["", "a", "../../etc/passwd", "a" * 26, "0" * 25, "0" * 27, "0" * 25 + "l", "0" * 25 + "A", "0" * 26 + "\n"]
)
def test_what_no_link_carries_has_no_hash(text: str) -> None:
    assert link_hash(text) is None


def test_fewer_random_bytes_than_a_secret_needs_make_none() -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        link_secret(b"short")


def test_events_of_one_millisecond_stand_in_the_order_of_their_changes() -> None:
    ids = [event_id("i", revision, "x") for revision in (2, 10, 100)]

    assert ids == sorted(ids)
