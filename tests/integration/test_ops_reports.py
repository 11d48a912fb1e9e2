"""`coldwatch report` against moto: an incident that is filed as the function files it, and what somebody does to it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.items import to_item
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.adapters.report_fonts import load_fonts
from coldwatch.incidents import lifecycle
from coldwatch.incidents.evidence import Ports as EvidencePorts
from coldwatch.incidents.evidence import keep_evidence
from coldwatch.incidents.recording import Ports as RecordPorts
from coldwatch.incidents.recording import record
from coldwatch.reports.filing import Ports, file_report
from coldwatch.reports.manifest import manifest_key, read_manifest, write_manifest
from coldwatch.reports.pdf.printing import print_report
from coldwatch_ops.errors import FailedError, NotFoundError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import deployed, run
from tests.unit.incidents.builders import MINUTE, NOW
from tests.unit.incidents.fakes import FakeChannel
from tests.unit.ops.telling import text_of
from tests.unit.reports.examples import fridge_readings, over

MADE = over()
FOLDER = f"incidents/{MADE.incident_id}"


def incidents(stack: Stack) -> DynamoIncidentStore:
    return DynamoIncidentStore(stack.clients.dynamodb_client, stack.output("IncidentTableName"))


def objects(stack: Stack) -> S3EvidenceStore:
    return S3EvidenceStore(stack.clients.s3, stack.output("EvidenceBucketName"))


def file(stack: Stack) -> None:
    store, bucket = incidents(stack), objects(stack)
    table = stack.output("ReadingTableName")
    history = DynamoReadingHistory(stack.clients.dynamodb_client, table)
    for number, reading in enumerate(fridge_readings(step=10)):
        own = {"reading_key": f"{reading['timestamp']:013d}#-#{number}"}
        stack.clients.dynamodb_client.put_item(TableName=table, Item=to_item(reading | own))
    keep_evidence(MADE.incident_id, EvidencePorts(store, history, bucket), now_ms=NOW + 151 * MINUTE, is_final=True)
    record(MADE.incident_id, RecordPorts(store, bucket, FakeChannel()), now_ms=NOW + 152 * MINUTE)
    ports = Ports(store, bucket, history, lambda content, sha256: print_report(content, load_fonts(), sha256=sha256))
    file_report(MADE.incident_id, ports, now_ms=NOW + 153 * MINUTE)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as made:
        assert incidents(made).open(MADE, lifecycle.opened(MADE, "Too warm."))
        yield made


@pytest.fixture
def filed(stack: Stack) -> Stack:
    file(stack)
    return stack


def test_a_report_is_shown_to_people_and_to_machines(filed: Stack) -> None:
    answer = run(filed, "report", "show", MADE.incident_id)

    told = text_of(answer)
    for part in ("Too warm (critical)", "usp_controlled_cold, version 2", "2 h", "Nobody was told.", "not a certified"):
        assert part in told
    assert answer.document["report_version"] == 1


def test_everything_that_is_kept_can_be_fetched_and_is_what_the_manifest_says(filed: Stack, tmp_path: Path) -> None:
    answer = run(filed, "report", "get", MADE.incident_id, "--to", str(tmp_path))

    into = tmp_path / MADE.incident_id
    names = {"record.json", "evidence-final.json", "window.json", "report.json", "report.pdf", "manifest.json"}
    assert {path.name for path in into.iterdir()} == names
    assert len(answer.document["files"]) == len(names)
    for each in read_manifest((into / "manifest.json").read_bytes()).objects:
        assert hashlib.sha256((into / Path(each.key).name).read_bytes()).hexdigest() == each.sha256
    assert (into / "report.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_what_is_as_it_was_filed_is_said_to_be(filed: Stack) -> None:
    answer = run(filed, "report", "verify", MADE.incident_id)

    assert answer.exit_code is ExitCode.OK
    assert answer.document["is_as_filed"]
    assert "5 objects, each as it was filed." in text_of(answer)


@pytest.mark.parametrize("name", ["record.json", "evidence-final.json", "window.json", "report.json", "report.pdf"])
def test_what_differs_is_named(filed: Stack, name: str) -> None:
    objects(filed).keep(f"{FOLDER}/{name}", b"forged")

    answer = run(filed, "report", "verify", MADE.incident_id)

    assert answer.exit_code is ExitCode.FAILED
    assert answer.document["differences"] == [text_of(answer)]
    assert f"{FOLDER}/{name} was written over" in text_of(answer)


def test_an_object_that_is_gone_is_named_and_cannot_be_fetched(filed: Stack, tmp_path: Path) -> None:
    bucket = filed.output("EvidenceBucketName")
    found = objects(filed).read(f"{FOLDER}/report.pdf")
    assert found
    assert found.version_id
    filed.clients.s3.delete_object(Bucket=bucket, Key=f"{FOLDER}/report.pdf", VersionId=found.version_id)

    answer = run(filed, "report", "verify", MADE.incident_id)

    assert answer.exit_code is ExitCode.FAILED
    assert "report.pdf is gone" in text_of(answer)
    with pytest.raises(FailedError, match=r"report\.pdf is gone"):
        run(filed, "report", "get", MADE.incident_id, "--to", str(tmp_path))


def test_a_forged_manifest_is_not_the_one_that_the_timeline_names(filed: Stack) -> None:
    found = objects(filed).read(manifest_key(MADE.incident_id))
    assert found
    forged = write_manifest(MADE.incident_id, read_manifest(found.content).objects[:1])
    objects(filed).keep(manifest_key(MADE.incident_id), forged)

    answer = run(filed, "report", "verify", MADE.incident_id)

    assert answer.exit_code is ExitCode.FAILED
    assert "is not the one that was filed" in text_of(answer)


@pytest.mark.parametrize("key", ["incidents/other/record.json", f"{FOLDER}/../x", f"{FOLDER}/a/b", f"{FOLDER}/"])
def test_a_manifest_that_leads_elsewhere_writes_no_file(filed: Stack, tmp_path: Path, key: str) -> None:
    found = objects(filed).read(manifest_key(MADE.incident_id))
    assert found
    elsewhere = replace(read_manifest(found.content).objects[0], key=key)
    objects(filed).keep(manifest_key(MADE.incident_id), write_manifest(MADE.incident_id, [elsewhere]))

    with pytest.raises(FailedError, match="not of this incident"):
        run(filed, "report", "get", MADE.incident_id, "--to", str(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_manifest_is_told_in_a_sentence(filed: Stack) -> None:
    objects(filed).keep(manifest_key(MADE.incident_id), b"{}")

    with pytest.raises(FailedError, match="This is no manifest"):
        run(filed, "report", "verify", MADE.incident_id)


def test_a_manifest_that_was_deleted_is_missed(filed: Stack) -> None:
    filed.clients.s3.delete_object(Bucket=filed.output("EvidenceBucketName"), Key=manifest_key(MADE.incident_id))

    with pytest.raises(FailedError, match="is gone, though the timeline says"):
        run(filed, "report", "verify", MADE.incident_id)


@pytest.mark.parametrize("words", [("show",), ("get",), ("verify",)])
def test_an_incident_without_a_report_says_why(stack: Stack, words: tuple[str, ...]) -> None:
    with pytest.raises(NotFoundError, match=r"has no report: its workflow writes it last\."):
        run(stack, "report", *words, MADE.incident_id)
    with pytest.raises(NotFoundError, match="no incident other"):
        run(stack, "report", *words, "other")


def test_the_document_is_the_one_that_is_kept(filed: Stack) -> None:
    found = objects(filed).read(f"{FOLDER}/report.json")
    assert found

    assert run(filed, "report", "show", MADE.incident_id).document == json.loads(found.content)
