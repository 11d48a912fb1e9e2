"""How many mails leave in a second, how often a code may be tried, and which link it stands for."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from coldwatch.adapters.code_store import DynamoCodeStore
from coldwatch.adapters.mail import SesMailer
from coldwatch.adapters.send_pace import MOST_PER_SECOND, SendPace
from coldwatch.incidents.channels.ways import Way
from coldwatch.incidents.contacts import Address, ChannelKind
from coldwatch.incidents.ports import NotSentError
from tests.integration.aws.channels_world import NOW_S, PAGE, Account
from tests.integration.aws.channels_world import account as _account

account = _account


def test_no_more_than_ten_mails_a_second_are_handed_to_sns(account: Account) -> None:
    now, waits = [float(NOW_S) + 0.25], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    pace = SendPace(account.dynamodb, "LinkTable", lambda: now[0], sleep)
    sent_in: dict[int, int] = {}
    for mails in [1] * 9 + [3] * 8:
        pace.take(mails)
        sent_in[int(now[0])] = sent_in.get(int(now[0]), 0) + mails

    assert max(sent_in.values()) <= MOST_PER_SECOND
    assert sum(sent_in.values()) == 33
    assert waits[0] == 0.75


def test_who_waits_too_long_for_the_pace_is_tried_again_later(account: Account) -> None:
    pace = SendPace(account.dynamodb, "LinkTable", lambda: float(NOW_S), lambda _seconds: None, patience_s=0)
    pace.take(10)

    with pytest.raises(NotSentError, match="Too many mails") as refused:
        pace.take(1)

    assert not refused.value.is_permanent


def test_a_counter_that_cannot_be_kept_keeps_nobody_waiting_or_from_being_told(account: Account) -> None:
    waits: list[float] = []

    SendPace(account.dynamodb, "NoTable", lambda: float(NOW_S), waits.append).take(1)

    assert waits == []


class Atomic:
    """moto's DynamoDB, each call of which is whole before the next, as AWS has it and moto's threads do not."""

    def __init__(self, client: Any) -> None:
        self.client, self.lock = client, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            with self.lock:
                return getattr(self.client, name)(**asked)

        return call


def test_tries_at_one_moment_are_counted_one_by_one(account: Account) -> None:
    store = DynamoCodeStore(Atomic(account.dynamodb), "LinkTable")  # type: ignore[arg-type] # a stand-in

    def attempt(_number: int) -> bool:
        return store.try_once("incident#X", most=5, within_ms=900_000, now_ms=NOW_S * 1000)

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(attempt, range(12)))

    assert taken.count(True) == 5
    store.give_back("incident#X")
    assert [attempt(0), attempt(0)] == [True, False]
    assert store.try_once("incident#X", most=5, within_ms=900_000, now_ms=NOW_S * 1000 + 900_000)


def test_a_code_stands_for_one_link(account: Account) -> None:
    store = DynamoCodeStore(account.dynamodb, "LinkTable")

    assert store.put("h", "link-1", forget_at=NOW_S * 1000)
    assert not store.put("h", "link-2", forget_at=NOW_S * 1000)
    assert (store.find("h"), store.find("other")) == ("link-1", None)


def test_a_throttled_mail_is_tried_again_later() -> None:
    class Busy:
        def send_email(self, **_asked: Any) -> Any:
            error = {"Error": {"Code": "TooManyRequestsException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
            raise ClientError(error, "SendEmail")  # type: ignore[arg-type] # what matters of it

    with pytest.raises(NotSentError) as refused:
        SesMailer(Busy(), "a@b.example", "").send(PAGE, Way("ses_email", (Address(ChannelKind.SES_EMAIL, "x@y.z", 1),)))

    assert not refused.value.is_permanent
