"""`coldwatch detectors preview` against moto."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coldwatch.adapters.detector_files import FOLDER
from coldwatch.detection.detector import Detector, encode_detector
from coldwatch_ops.detectors import running
from coldwatch_ops.errors import FailedError, NotFoundError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import Person, deployed, run
from tests.unit.detection.builders import detector


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as made:
        made.table("DetectorTableName").put_item(Item={"detector_id": "shard/shardId-000000000000", "version": 1})
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "detectors"))


def held(stack: Stack, *detectors: Detector) -> None:
    for each in detectors:
        item: Any = {"detector_id": each.detector_id, "body": encode_detector(each), "version": 1}
        stack.table("DetectorTableName").put_item(Item=item)


def test_a_preview_compares_what_is_stored_with_the_models_of_a_folder(stack: Stack, folder: Path) -> None:
    held(stack, detector(), detector(key="acme-fridge-0002"), detector(model="shock", snapshot=None))
    as_it_is = run(stack, "detectors", "preview")
    path = folder / "models" / "device_silence.json"
    path.write_text(path.read_text().replace('"heard"', '"hears"'))
    renamed = run(stack, "detectors", "preview", "device_silence", "--detectors", str(folder))

    assert as_it_is.exit_code is ExitCode.OK
    assert {each["model"]: each["stay"] for each in as_it_is.document["models"] if each["stay"]} == {
        "device_silence": 2,
        "shock": 1,
    }
    assert renamed.exit_code is ExitCode.FAILED
    [told] = renamed.document["models"]
    assert (told["move"], told["begin_anew"]) == (2, {"the model has no state `heard`": 2})


def test_a_preview_says_how_far_it_is(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "TOLD_EACH", 2)
    held(stack, *(detector(key=f"acme-fridge-{n}") for n in range(5)))
    person = Person()

    run(stack, "detectors", "preview", person=person)

    assert person.told == ["2 detectors looked at ...", "4 detectors looked at ..."]


def test_a_preview_of_a_folder_that_could_not_be_deployed_says_why(stack: Stack, folder: Path) -> None:
    (folder / "models" / "shock.json").unlink()

    with pytest.raises(FailedError, match=r"cannot be deployed: .*not in models/: shock"):
        run(stack, "detectors", "preview", "--detectors", str(folder))
    with pytest.raises(UsageError, match="is no folder of detectors"):
        run(stack, "detectors", "preview", "--detectors", str(folder.parent))
    with pytest.raises(NotFoundError, match="no detector model nothing"):
        run(stack, "detectors", "preview", "nothing")
