"""The inbox page, which stands before MiniStack: it answers its own two paths and passes everything else on."""

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.integration.local_cloud.devices import client, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize("path", ["inbox", "inbox.json"])
def test_it_is_read_not_kept_and_tells_no_other_site_its_links(mended_cloud: "MendedCloud", path: str) -> None:
    address = f"{mended_cloud.endpoint}/_coldwatch/{path}"

    with urllib.request.urlopen(address, timeout=10) as read:
        body, headers = read.read(), read.headers
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=10) as looked_at:
        assert (looked_at.status, looked_at.read()) == (200, b"")

    assert body
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_cannot_be_written_to(mended_cloud: "MendedCloud", method: str) -> None:
    request = urllib.request.Request(f"{mended_cloud.endpoint}/_coldwatch/inbox.json", method=method, data=b"")

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)

    assert refused.value.code == 405
    refused.value.close()


def test_what_a_machine_reads_is_what_was_delivered(mended_cloud: "MendedCloud") -> None:
    sns, text = client(mended_cloud, "sns"), unique("text")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+4915100000009")
    sns.publish(TopicArn=topic, Message=text)

    with urllib.request.urlopen(f"{mended_cloud.endpoint}/_coldwatch/inbox.json", timeout=10) as answer:
        messages = json.load(answer)

    (found,) = [message for message in messages if message["text"] == text]
    assert set(found) == {"at", "protocol", "to", "subject", "text", "message_id", "attributes"}
    assert (found["protocol"], found["to"], found["attributes"]) == ("sms", "+4915100000009", {})


def test_other_paths_are_the_clouds(mended_cloud: "MendedCloud") -> None:
    with urllib.request.urlopen(f"{mended_cloud.endpoint}/_ministack/health", timeout=10) as answer:
        assert answer.status == 200
