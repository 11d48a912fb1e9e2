from collections import Counter
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simulator.link import Link, changes, transmit
from simulator.message import Kind, LinkChange, Message
from simulator.scenario import Event

LABEL = "north-fridge-1"
DURATION_S = 600.0
PERIOD_S = 10.0

losses = st.lists(
    st.builds(
        lambda at_s, for_s: Event("link_loss", at_s, (LABEL,), for_s=for_s), st.floats(0, 700), st.floats(0.5, 300)
    ),
    max_size=4,
)
rates = st.floats(0, 1)


def readings() -> list[Message]:
    return [Message(PERIOD_S * number, str(number).encode()) for number in range(int(DURATION_S / PERIOD_S))]


def link(*events: Event) -> Link:
    return Link(LABEL, events, PERIOD_S, DURATION_S)


def rate(kind: str, share: float, *, at_s: float = 0.0, for_s: float | None = None) -> Event:
    return Event(kind, at_s, (LABEL,), for_s=for_s, rate=share)


def loss(at_s: float, for_s: float) -> Event:
    return Event("link_loss", at_s, (LABEL,), for_s=for_s)


@given(losses=losses, duplicates=rates, reordering=rates, seed=st.integers())
def test_nothing_is_lost_and_each_duplicate_is_counted(
    losses: list[Event], duplicates: float, reordering: float, seed: int
) -> None:
    connection = link(*losses, rate("duplicates", duplicates), rate("reordering", reordering))

    sent = list(transmit(connection, readings(), Random(seed)))

    repeated = Counter(each.payload for each in sent if each.kind is Kind.DUPLICATE)
    assert Counter(each.payload for each in sent) - repeated == Counter(each.payload for each in readings())
    assert set(repeated.values()) <= {1}
    assert all(0 <= each.at_s <= DURATION_S for each in sent)


@given(losses=losses, duplicates=rates, reordering=rates, seed=st.integers())
def test_nothing_leaves_while_the_link_is_down_and_all_leaves_in_order_of_time(
    losses: list[Event], duplicates: float, reordering: float, seed: int
) -> None:
    connection = link(*losses, rate("duplicates", duplicates), rate("reordering", reordering))

    sent = list(transmit(connection, readings(), Random(seed)))

    downs = connection.losses()
    assert not [each for each in sent for begins, ends in downs if begins <= each.at_s < ends]
    assert all(before.at_s <= after.at_s for before, after in pairwise(sent))


@given(losses=losses)
def test_every_loss_has_its_end_and_losses_do_not_overlap(losses: list[Event]) -> None:
    turns = list(changes(link(*losses)))

    assert [turn.is_up for turn in turns] == [False, True] * (len(turns) // 2)
    assert all(before.at_s <= after.at_s for before, after in pairwise(turns))


def test_a_buffer_is_uploaded_whole_and_in_order_when_the_link_is_back() -> None:
    sent = list(transmit(link(loss(100, 200)), readings(), Random(1)))

    buffered = [each for each in sent if each.kind is Kind.BUFFERED]
    assert [each.payload for each in buffered] == [str(number).encode() for number in range(10, 30)]
    assert {each.at_s for each in buffered} == {300.0}


def test_a_loss_without_end_ends_with_the_run() -> None:
    connection = link(loss(500, 900))

    sent = list(transmit(connection, readings(), Random(1)))

    assert list(changes(connection))[-1] == LinkChange(DURATION_S, LABEL, is_up=True)
    assert len(sent) == 60
    assert [each.at_s for each in sent[-10:]] == [DURATION_S] * 10


def test_a_reordered_message_arrives_after_one_that_was_made_later() -> None:
    sent = list(transmit(link(rate("reordering", 0.3)), readings(), Random(3)))

    numbers = [int(each.payload) for each in sent]
    late = [each for each in sent if each.kind is Kind.REORDERED]
    assert numbers != sorted(numbers)
    assert 10 < len(late) < 30
    assert all(PERIOD_S <= each.at_s - PERIOD_S * int(each.payload) <= 3 * PERIOD_S for each in late[:-3])


def test_a_rate_holds_only_while_its_event_lasts() -> None:
    sent = list(transmit(link(rate("duplicates", 1.0, at_s=100, for_s=50)), readings(), Random(3)))

    assert [each.payload for each in sent if each.kind is Kind.DUPLICATE] != []
    assert {each.payload for each in sent if each.kind is Kind.DUPLICATE} == {b"10", b"11", b"12", b"13", b"14"}


def test_hostile_messages_are_neither_repeated_nor_delayed() -> None:
    hostile = [Message(each.at_s, each.payload, Kind.HOSTILE) for each in readings()]

    sent = list(transmit(link(rate("duplicates", 1.0), rate("reordering", 1.0)), hostile, Random(1)))

    assert [(each.at_s, each.payload, each.kind) for each in sent] == [(m.at_s, m.payload, m.kind) for m in hostile]
