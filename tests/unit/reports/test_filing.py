"""The report is written once, of what is kept, the manifest last; whoever dies on the way leaves the same behind."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from coldwatch.incidents.answering import Action, Asked, act_as_operator
from coldwatch.incidents.changing import IncidentMissingError
from coldwatch.incidents.evidence import keep_evidence
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.recording import record, record_key
from coldwatch.reports import filing
from coldwatch.reports.filing import NotRecordedError, Ports, file_report, report_key, window_key
from coldwatch.reports.manifest import Found, ManifestError, differences, manifest_key, read_manifest, write_manifest
from tests.unit.incidents.builders import MINUTE, NOW, effect, opened, world
from tests.unit.incidents.fakes import Course, Killed, World
from tests.unit.reports.examples import HOUR, PROFILE, fridge_readings

LATER = NOW + 3 * HOUR


@dataclass
class Bucket:
    """Keeps versions, numbers them, and remembers in which order keys were written."""

    versions: dict[str, list[bytes | None]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def keep(self, key: str, content: bytes, content_type: str = "application/json") -> str:
        assert content_type == ("application/pdf" if key.endswith(".pdf") else "application/json")
        self.versions.setdefault(key, []).append(content)
        self.written.append(key)
        return f"v{len(self.versions[key])}"

    def read(self, key: str, version_id: str | None = None) -> Found | None:
        known = self.versions.get(key, [])
        number = int(version_id[1:]) if version_id else len(known)
        content = known[number - 1] if 0 < number <= len(known) else None
        return Found(content, f"v{number}") if content is not None else None

    def delete(self, key: str) -> None:
        self.versions[key].append(None)


def print_plainly(content: bytes, sha256: str) -> bytes:
    return f"print of {sha256}, {len(content)} bytes".encode()


@dataclass
class Case:
    here: World
    bucket: Bucket
    incident_id: str

    def ports(self, course: Course | None = None, printer: Any = print_plainly) -> Ports:
        watch = (course or Course()).watch
        return Ports(watch(self.here.incidents), watch(self.bucket), watch(self.here.readings), printer)

    def file(self, course: Course | None = None, **changes: Any) -> Incident:
        return file_report(self.incident_id, self.ports(course), now_ms=LATER, **changes)


def recorded(kind: Mapping[str, Any] = PROFILE) -> Case:
    """An incident with its evidence and its record in the bucket."""
    here, bucket = world(), Bucket()
    here.readings.readings = list(fridge_readings(since=-24 * 60))
    incident = opened(here, effect(profile=kind, began_at=NOW), now_ms=NOW + 10 * MINUTE)
    case = Case(here, bucket, incident.incident_id)
    evidence = replace(here.evidence(), evidence=bucket)
    keep_evidence(incident.incident_id, evidence, now_ms=NOW + 10 * MINUTE)
    act_as_operator(
        incident.incident_id,
        Asked(Action.RESOLVE, note="done"),
        who="op",
        incidents=here.incidents,
        waiting=here.waiting,
        now_ms=NOW + 150 * MINUTE,
    )
    keep_evidence(incident.incident_id, evidence, now_ms=NOW + 151 * MINUTE, is_final=True)
    record(incident.incident_id, replace(here.recording(), records=bucket), now_ms=NOW + 152 * MINUTE)
    return case


def names(case: Case) -> list[str]:
    return [each.rpartition("/")[2] for each in case.bucket.written]


def manifest_of(case: Case) -> Any:
    found = case.bucket.read(manifest_key(case.incident_id))
    assert found
    return read_manifest(found.content)


def test_the_manifest_is_written_last_and_holds_all_that_is_kept_of_the_incident() -> None:
    case = recorded()

    incident = case.file()

    assert names(case)[-4:] == ["window.json", "report.json", "report.pdf", "manifest.json"]
    manifest = manifest_of(case)
    listed = {each.key.rpartition("/")[2] for each in manifest.objects}
    assert listed == set(names(case)) - {"manifest.json"}
    assert listed >= {"record.json", "evidence.json", "evidence-final.json", "report.json", "report.pdf"}
    assert list(differences(manifest, case.bucket)) == []
    content = case.bucket.versions[manifest_key(case.incident_id)][-1]
    assert content
    assert incident.manifest_sha256 == hashlib.sha256(content).hexdigest()
    assert incident.reported_at == LATER


def test_the_timeline_says_where_it_is_and_the_hash_of_its_manifest() -> None:
    case = recorded()

    incident = case.file()

    last = case.here.incidents.timeline(case.incident_id)[-1]
    assert (last.type, last.who) == ("reported", "coldwatch")
    assert report_key(case.incident_id) in last.what
    assert incident.manifest_sha256
    assert incident.manifest_sha256 in last.what


def test_it_is_written_once() -> None:
    case = recorded()
    case.file()
    written = list(case.bucket.written)

    case.file()

    assert case.bucket.written == written
    assert sum(each.type == "reported" for each in case.here.incidents.timeline(case.incident_id)) == 1


def test_a_report_is_of_a_record_that_is_there() -> None:
    case = recorded()
    del case.bucket.versions[record_key(case.incident_id)]

    with pytest.raises(NotRecordedError, match="not kept yet"):
        case.file()
    with pytest.raises(IncidentMissingError):
        file_report("unknown", case.ports(), now_ms=LATER)


def calls_of_a_run() -> int:
    course = Course()
    recorded().file(course)
    return course.calls


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(1, calls_of_a_run() + 1))
def test_whoever_dies_at_any_call_and_is_called_again_leaves_what_a_run_without_faults_leaves(
    at: int, *, is_after: bool
) -> None:
    """Nothing twice either: under a lock a second version could not be removed."""
    calm, case = recorded(), recorded()
    calm.file()

    with pytest.raises(Killed):
        case.file(Course(at, is_after))
    case.file()

    assert case.bucket.versions == calm.bucket.versions
    assert _any(case) == _any(calm)


def _any(case: Case) -> Incident:
    return case.here.incidents.incidents[case.incident_id]


def test_readings_that_change_after_the_first_try_change_nothing() -> None:
    """Whoever dies before the manifest goes on with the window that was kept."""
    calm, case = recorded(), recorded()
    calm.file()

    def fail(_content: bytes, _sha256: str) -> bytes:
        raise RuntimeError("no paper")

    with pytest.raises(RuntimeError, match="no paper"):
        file_report(case.incident_id, case.ports(printer=fail), now_ms=LATER)
    case.here.readings.readings = []
    case.file()

    assert case.bucket.versions == calm.bucket.versions


def test_what_cannot_be_printed_is_reported_all_the_same_and_the_timeline_says_so() -> None:
    case = recorded()

    case.file(has_pdf=False)

    assert report_key(case.incident_id, "pdf") not in case.bucket.versions
    assert report_key(case.incident_id) in {each.key for each in manifest_of(case).objects}
    assert "could not be printed" in case.here.incidents.timeline(case.incident_id)[-1].what


def test_a_printer_that_fails_leaves_the_record_as_it_is() -> None:
    case = recorded()

    def fail(_content: bytes, _sha256: str) -> bytes:
        raise RuntimeError("no paper")

    with pytest.raises(RuntimeError, match="no paper"):
        file_report(case.incident_id, case.ports(printer=fail), now_ms=LATER)

    assert case.bucket.read(record_key(case.incident_id))
    assert _any(case).recorded_at is not None
    assert _any(case).reported_at is None
    assert manifest_key(case.incident_id) not in case.bucket.versions


def test_readings_of_the_whole_window_are_kept_with_what_the_figure_needs() -> None:
    case = recorded()
    case.file()

    window = case.bucket.read(window_key(case.incident_id))

    assert window
    document = msgspec.json.decode(window.content)
    assert document["to"] - document["from"] == 24 * HOUR + 150 * MINUTE
    assert document["is_complete"]
    assert set(document["readings"][0]) == {"timestamp", "temp_c", "probe"}


def test_where_no_mean_is_meaningful_no_window_is_kept() -> None:
    frozen = recorded(PROFILE | {"high_c": -15.0})

    frozen.file()

    assert window_key(frozen.incident_id) not in frozen.bucket.versions


def test_a_window_of_too_many_readings_keeps_the_newest_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    case = recorded()
    monkeypatch.setattr(filing, "WINDOW_AT_MOST", 100)

    case.file()

    window = case.bucket.read(window_key(case.incident_id))
    assert window
    document = msgspec.json.decode(window.content)
    assert (len(document["readings"]), document["is_complete"]) == (100, False)
    assert document["readings"][-1]["timestamp"] == NOW + 150 * MINUTE


@pytest.mark.parametrize("name", ["record.json", "evidence.json", "evidence-final.json", "report.json", "report.pdf"])
def test_what_differs_from_the_manifest_is_named(name: str) -> None:
    case = recorded()
    case.file()
    key = f"incidents/{case.incident_id}/{name}"
    manifest = manifest_of(case)
    whole = list(case.bucket.versions[key])

    case.bucket.versions[key][0] = b"forged"
    assert [f"{key} is not what the manifest says" in each for each in differences(manifest, case.bucket)] == [True]
    case.bucket.versions[key] = [*whole, b"other"]
    assert [f"{key} was written over" in each for each in differences(manifest, case.bucket)] == [True]
    case.bucket.versions[key] = [*whole, None]
    assert [f"{key} was deleted after" in each for each in differences(manifest, case.bucket)] == [True]
    case.bucket.versions[key] = []
    assert [f"{key} is gone" in each for each in differences(manifest, case.bucket)] == [True]
    case.bucket.versions[key] = [*whole, whole[0]]
    assert list(differences(manifest, case.bucket)) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"manifest_version": 1}'])
def test_what_is_no_manifest_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(ManifestError, match="no manifest"):
        read_manifest(content)


def test_a_manifest_of_a_form_that_is_not_known_is_not_taken_for_one_that_is() -> None:
    known = write_manifest("i-1", ())
    assert read_manifest(known).objects == ()

    with pytest.raises(ManifestError, match=r"version 2, and this Coldwatch reads version 1"):
        read_manifest(known.replace(b'"manifest_version":1', b'"manifest_version":2'))
