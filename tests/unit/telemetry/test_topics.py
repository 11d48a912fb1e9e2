"""Names and topics."""

import pytest

from coldwatch.telemetry.topics import basic_ingest_topic, parse_telemetry_topic, telemetry_topic, thing_name


@pytest.mark.parametrize(("prefix", "rule"), [("", None), ("staging/", None), ("", "coldwatch_x"), ("staging/", "s_x")])
def test_a_topic_is_parsed_back(prefix: str, rule: str | None) -> None:
    topic = telemetry_topic("factory", "acme-machine-a-1", prefix=prefix)
    topic = basic_ingest_topic(rule, topic) if rule else topic

    parsed = parse_telemetry_topic(topic, prefix=prefix)

    assert parsed is not None
    assert (parsed.application, parsed.thing) == ("factory", "acme-machine-a-1")


@pytest.mark.parametrize(
    "topic", ["", "dt", "dt/coldchain//telemetry", "dt/coldchain/x", "x/dt/coldchain/x/telemetry", "$aws/rules/r"]
)
def test_other_topics_are_not_telemetry(topic: str) -> None:
    assert parse_telemetry_topic(topic) is None


def test_another_stages_topic_is_not_ours() -> None:
    assert parse_telemetry_topic("dt/coldchain/x/telemetry", prefix="staging/") is None


@pytest.mark.parametrize(
    "parts",
    [
        ("a-b", "fridge", "1"),
        ("acme", "fri dge", "1"),
        ("", "fridge", "1"),
        ("acme", "fridge", "1/+"),
        ("a", "b", "c" * 128),
    ],
)
def test_a_name_that_cannot_be_a_thing_is_refused(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="a thing name"):
        thing_name(*parts)


def test_no_fleet_may_bear_the_name_under_which_claim_certificates_connect() -> None:
    with pytest.raises(ValueError, match="no fleet may be called 'claim'"):
        thing_name("claim", "fridge", "0001")
    assert thing_name("claims", "fridge", "0001") == "claims-fridge-0001"
