"""`coldwatch backtest` as a person or a script meets it: forms of telemetry, findings, comparisons, bad rows."""

import csv
import gzip
import json
from collections.abc import Iterable
from itertools import batched
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coldwatch_ops.main import main
from tests.standalone import printed

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "detectors" / "models"
WARM = str(MODELS / "sustained_excursion_high.json")
SILENCE = str(MODELS / "device_silence.json")
RECORDING = ROOT / "simulator" / "recordings" / "machine_temperature_system_failure.csv"

T0 = 1_767_225_600_000
MINUTE = 60_000

DOOR: dict[str, Any] = {
    "detectorModelName": "door",
    "key": "door.id",
    "detectorModelDefinition": {
        "initialStateName": "shut",
        "states": [
            {
                "stateName": "shut",
                "onInput": {
                    "transitionEvents": [
                        {
                            "eventName": "opened",
                            "condition": "$input.door.angle > 10",
                            "actions": [{"sns": {"targetArn": "arn:t"}}],
                            "nextState": "open",
                        }
                    ]
                },
            },
            {
                "stateName": "open",
                "onInput": {
                    "transitionEvents": [
                        {"eventName": "closed", "condition": "$input.door.angle <= 10", "nextState": "shut"},
                    ]
                },
            },
        ],
    },
}


def reading(minute: int, temp_c: float, device: str = "fridge", **others: Any) -> dict[str, Any]:
    return {"device_id": device, "timestamp": T0 + minute * MINUTE, "seq": minute, "temp_c": temp_c, **others}


def warm(start: int, end: int, until: int, device: str = "fridge", degrees: float = 12.0) -> list[dict[str, Any]]:
    """A reading a minute, too warm from `start` up to `end`."""
    return [reading(minute, degrees if start <= minute < end else 4.0, device) for minute in range(until)]


def jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def as_csv(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def backtest(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    code = main(["backtest", *words, "--json"])
    out = capsys.readouterr().out
    assert code == 0
    document: dict[str, Any] = json.loads(out)
    return document


def fired(document: dict[str, Any], candidate: int = 0) -> list[tuple[str, int, int | None]]:
    """Key, and minutes from the beginning."""

    def minutes(at_ms: int | None) -> int | None:
        return None if at_ms is None else (at_ms - T0) // MINUTE

    return [
        (each["key"], minutes(each["fired_at"]) or 0, minutes(each["ended_at"]))
        for each in document["candidates"][candidate]["firings"]
    ]


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["backtest", *words])
    return code, capsys.readouterr().err.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sustained_excursion_fires_once_and_lasts_until_the_detector_is_calm_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = jsonl(tmp_path / "t.jsonl", warm(10, 40, 60))

    document = backtest(capsys, WARM, "--telemetry", telemetry)

    [candidate] = document["candidates"]
    assert fired(document) == [("fridge", 15, 45)]
    assert candidate["firings"][0]["began_at"] == T0 + 10 * MINUTE
    assert (candidate["clock"], candidate["messages"], candidate["lasted_ms"]) == ("event", 60, 30 * MINUTE)


def test_every_form_of_telemetry_gives_the_same_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*warm(10, 40, 60, "a"), *warm(5, 9, 60, "b"), *warm(20, 30, 60, "0042")]
    whole = jsonl(tmp_path / "t.jsonl", rows)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(Path(as_csv(tmp_path / "t.csv", rows)).read_bytes()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet", row_group_size=7)

    found = [
        backtest(capsys, WARM, "--telemetry", place)["candidates"]
        for place in (whole, str(tmp_path / "t.csv"), str(packed), str(tmp_path / "t.parquet"))
    ]

    assert found == [found[0]] * 4
    assert [each["key"] for each in found[0][0]["firings"]] == ["0042", "a"]


def test_the_archive_is_read_as_it_lies_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of Parquet by application and day; a row in two files is one reading."""
    rows = [
        {**row, "received_at": row["timestamp"] + 300, "reading_key": f"{row['timestamp']:013d}#-#{row['seq']}"}
        for row in warm(10, 40, 60)
    ]
    for number, part in enumerate((rows[:30], rows[20:])):
        folder = tmp_path / "telemetry" / "application=coldchain" / f"day=2026-01-0{number + 1}"
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(part), folder / "part.parquet")
    (tmp_path / "telemetry" / "_SUCCESS").touch()

    document = backtest(capsys, WARM, "--telemetry", str(tmp_path / "telemetry"))

    assert document["telemetry"]["files"] == 2
    assert document["telemetry"]["readings"] == 70
    assert document["candidates"][0]["messages"] == 60
    assert fired(document) == [("fridge", 15, 45)]


def test_files_without_a_column_of_devices_are_a_device_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, rows in (("left", warm(10, 40, 60)), ("right", warm(10, 12, 60))):
        as_csv(tmp_path / f"{name}.csv", [{key: row[key] for key in ("timestamp", "temp_c")} for row in rows])

    assert fired(backtest(capsys, WARM, "--telemetry", str(tmp_path))) == [("left", 15, 45)]


def test_the_recording_fires_where_its_makers_say_that_something_was_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = backtest(
        capsys, str(MODELS / "sensor_range.json"), "--telemetry", str(RECORDING),
        "--set", "sensor_type=temperature", "--profile", "factory_fahrenheit",
    )  # fmt: skip

    [candidate] = document["candidates"]
    assert candidate["messages"] == 22_695
    assert [each["began_at"] for each in candidate["firings"]] == [1387209600000, 1391857200000, 1391929800000]


def test_the_documentation_shows_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = (ROOT / "docs" / "command-line.md").read_text().partition("### `coldwatch backtest`")[2]
    command = section.partition("```sh\ncoldwatch ")[2].partition("\n```")[0].replace("\\\n", " ")
    monkeypatch.chdir(ROOT)

    main(command.split())

    assert printed(capsys.readouterr().out) == section.partition("```text\n")[2].partition("```")[0]


def test_the_order_of_the_rows_does_not_matter_where_nothing_says_when_they_arrived(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for pair in batched(warm(10, 40, 60), 7, strict=False) for row in reversed(pair)]

    assert fired(backtest(capsys, WARM, "--telemetry", jsonl(tmp_path / "t.jsonl", rows))) == [("fridge", 15, 45)]


def test_what_arrived_late_or_twice_is_left_out_as_on_the_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cool reading of minute 12 arrives when the excursion has been told; that of minute 30 comes twice."""
    rows = [{**row, "received_at": row["timestamp"] + 100} for row in warm(10, 40, 60)]
    rows[12] |= {"temp_c": 4.0, "received_at": T0 + 20 * MINUTE}
    twice = {**rows[45], "received_at": rows[45]["timestamp"] + 30_000}

    document = backtest(capsys, WARM, "--telemetry", jsonl(tmp_path / "t.jsonl", [*rows, twice]))

    [candidate] = document["candidates"]
    assert fired(document) == [("fridge", 15, 45)]
    assert (candidate["late"], candidate["repeated"]) == (1, 1)


def test_on_the_wall_clock_silence_is_found_up_to_the_end_of_the_telemetry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*warm(0, 0, 600, "a"), *warm(0, 0, 100, "b")]
    telemetry = jsonl(tmp_path / "t.jsonl", rows)

    on_wall = backtest(capsys, SILENCE, "--telemetry", telemetry)
    on_event = backtest(capsys, SILENCE, "--telemetry", telemetry, "--clock", "event")

    assert [(key, ended) for key, _, ended in fired(on_wall)] == [("b", None)]
    assert (
        on_wall["candidates"][0]["firings"][0]["lasted_ms"]
        == T0 + 599 * MINUTE - (on_wall["candidates"][0]["firings"][0]["fired_at"])
    )
    assert fired(on_event) == []


def test_profiles_are_compared_in_a_sentence_and_by_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*warm(10, 40, 60, "a"), *warm(0, 700, 720, "b"), *warm(10, 40, 60, "c")]
    telemetry = jsonl(tmp_path / "t.jsonl", rows)

    code = main(
        ["backtest", WARM, "--telemetry", telemetry, "--profile", "cdc_refrigerator", "--profile", "who_refrigerator"]
    )

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert lines[1] == (
        "cdc_refrigerator would have fired 3 times (on 3 devices, 12 h 40 min in all),"
        " who_refrigerator 1 (on 1 device, 1 h 59 min in all)."
    )
    by_device = [line.split() for line in lines[lines.index("By device:") + 3 :][:3]]
    assert [(cells[0], cells[1], cells[-1] if cells[-1] == "-" else "+") for cells in by_device] == [
        ("a", "1", "-"),
        ("c", "1", "-"),
        ("b", "1", "+"),
    ]


def test_models_are_compared_and_devices_that_fired_alike_are_only_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = json.loads(Path(WARM).read_text())
    patient["detectorModelName"] = "patient"
    text = json.dumps(patient).replace("profile.high_duration_s", "profile.high_duration_s * 6")
    (tmp_path / "patient.json").write_text(text)
    telemetry = jsonl(tmp_path / "t.jsonl", [*warm(10, 30, 90, "a"), *warm(10, 60, 90, "b")])

    document = backtest(capsys, WARM, str(tmp_path / "patient.json"), "--telemetry", telemetry)

    assert [each["label"] for each in document["candidates"]] == ["sustained_excursion_high", "patient"]
    assert [[each["fired"] for each in of["figures"]] for of in document["differences"] if of["device"] == "a"] == [
        [1, 0]
    ]
    assert document["candidates"][1]["clock"] == "wall"


def test_a_bad_row_is_told_with_its_place_and_harms_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.dumps(row) for row in warm(10, 40, 60)]
    bad = ["{", "[]", json.dumps(reading(1, 500.0)), json.dumps({"device_id": "x", "temp_c": 1}), ""]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join([*bad, *rows]) + "\n")
    written = tmp_path / "bad.jsonl"

    code = main(["backtest", WARM, "--telemetry", str(path), "--bad-rows", str(written), "--json"])

    told = capsys.readouterr()
    document = json.loads(told.out)
    assert code == 0
    assert fired(document) == [("fridge", 15, 45)]
    assert document["telemetry"]["unusable"] == 4
    assert told.err.splitlines() == [
        f"{path}, line 1: not JSON: Input data was truncated",
        f"{path}, line 2: not a JSON object",
        f"{path}, line 3: Expected `float` <= 200.0 - at `temp_c`",
        f"{path}, line 4: no `timestamp`; name the member that says when with --time",
    ]
    assert [json.loads(line)["line"] for line in written.read_text().splitlines()] == [1, 2, 3, 4]


def test_many_bad_rows_are_counted_and_written_though_not_all_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "device_id,timestamp,temp_c\n" + "a,soon,1\n" * 50 + 'b,0,"4\n' + "b,1767225600000,4,5\nb,1767225600,4\n"
    )
    written = tmp_path / "bad.jsonl"

    code = main(["backtest", WARM, "--telemetry", str(path), "--bad-rows", str(written)])

    told = capsys.readouterr()
    faults = [json.loads(line) for line in written.read_text().splitlines()]
    assert code == 0
    assert told.err.splitlines()[-1] == "... and 32 more rows; --bad-rows FILE writes all of them."
    assert "52 rows could not be used: see above." in told.out
    assert faults[0]["reason"] == "'soon' is not a time"
    assert [(each["line"], each["reason"][:9]) for each in faults[-2:]] == [(52, "not CSV: "), (53, "4 cells, ")]


def test_columns_of_other_names_are_mapped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"when": f"2026-01-01 00:{minute:02d}:00", "unit": "a", "degrees": 12 if 10 <= minute < 40 else 4}
        for minute in range(60)
    ]
    telemetry = as_csv(tmp_path / "t.csv", rows)

    document = backtest(
        capsys, WARM, "--telemetry", telemetry, "--time", "when", "--key", "unit", "--map", "degrees=temp_c"
    )

    assert fired(document) == [("a", 15, 45)]


def test_a_column_that_is_called_otherwise_is_no_silent_absence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"device_id": "a", "timestamp": T0, "temperature": 12}]
    telemetry = as_csv(tmp_path / "t.csv", rows)

    main(["backtest", WARM, SILENCE, "--telemetry", telemetry])

    told = capsys.readouterr().out
    assert "sustained_excursion_high looks at probe, temp_c, of which the readings have nothing" in told
    assert "device_silence looks at" not in told
    assert backtest(capsys, WARM, "--telemetry", telemetry)["candidates"][0]["unseen"] == ["probe", "temp_c"]


def test_a_model_with_an_input_of_its_own_gets_rows_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "door.json"
    model.write_text(json.dumps(DOOR))
    rows = [
        {"timestamp": T0 + minute * MINUTE, "door.id": 7, "angle": 90 if minute in {3, 4} else 0} for minute in range(9)
    ]
    sent = [
        {"inputName": "door", "payload": {"door": {"id": "7"}, "angle": row["angle"]},
         "timestamp": {"timeInMillis": row["timestamp"]}}
        for row in rows
    ]  # fmt: skip

    of_columns = backtest(capsys, str(model), "--telemetry", as_csv(tmp_path / "t.csv", rows))
    of_trace = backtest(capsys, str(model), "--telemetry", jsonl(tmp_path / "t.jsonl", sent))

    assert fired(of_columns) == fired(of_trace) == [("7", 3, 5)]
    assert of_columns["candidates"][0]["clock"] == "wall"


def test_several_processes_find_the_same_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for number in range(9) for row in warm(number, number + 20, 60, f"fridge-{number}")]
    telemetry = jsonl(tmp_path / "t.jsonl", [*rows, {"device_id": "?"}])

    answers = []
    for jobs in ("1", "2"):
        main(["backtest", WARM, SILENCE, "--telemetry", telemetry, "--jobs", jobs])
        answers.append(capsys.readouterr())

    assert answers[0] == answers[1]
    assert "fired 9 times (on 9 devices" in answers[0].out


def test_what_a_model_cannot_evaluate_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "door.json"
    model.write_text(json.dumps(DOOR).replace("> 10", "> 'ten'"))
    telemetry = jsonl(tmp_path / "t.jsonl", [{"timestamp": T0, "door": {"id": "a"}, "angle": 1}])

    [candidate] = backtest(capsys, str(model), "--telemetry", telemetry)["candidates"]

    assert [(each["path"], each["times"]) for each in candidate["notes"]] == [
        ("states[0].onInput.transitionEvents[0].condition", 1)
    ]


def test_progress_is_shown_on_standard_error_only_when_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = jsonl(tmp_path / "t.jsonl", warm(10, 40, 60))

    main(["backtest", WARM, "--telemetry", telemetry])
    without = capsys.readouterr()
    main(["backtest", WARM, "--telemetry", telemetry, "--progress"])
    shown = capsys.readouterr()

    assert without.err == ""
    assert "100 %" in shown.err
    assert without.out == shown.out


def test_tables_have_a_limit_and_say_what_they_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for number in range(4) for row in warm(10, 40, 60, f"fridge-{number}")]

    main(["backtest", WARM, "--telemetry", jsonl(tmp_path / "t.jsonl", rows), "--limit", "3"])

    assert "1 more firing; --limit shows them, --json has all." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--telemetry", "nowhere.csv"), 2, "nowhere.csv cannot be read: there is no such file or folder."),
        (("--telemetry", "empty"), 1, "There is no telemetry in empty: no *.csv, *.jsonl or *.parquet"),
        (("--telemetry", "t.txt"), 2, "t.txt is named as no telemetry: it must end in .csv, .jsonl or .parquet"),
        (
            ("--telemetry", "t.csv", "--time", "when"),
            1,
            "t.csv has no column when, which --time names; its",
        ),
        (("--telemetry", "t.csv", "--map", "a=b"), 1, "t.csv has no column a, which --map or --key names"),
        (("--telemetry", "t.csv", "--map", "a"), 2, "--map a says nothing: write --map column=attribute."),
        (("--telemetry", "t.csv", "--profile", "mine"), 2, "There is no profile mine; there are cdc_freezer, "),
        (
            ("--telemetry", "t.csv", "--profile", "factory_default"),
            2,
            "does not look at readings of factory, for",
        ),
        (("--telemetry", "t.csv", "--input", "door"), 2, "No model has an input door; there are telemetry."),
        (("--telemetry", "t.csv", "--device", "a"), 2, "--device says whom --plot draws: add --plot FILE."),
        (("--telemetry", "t.csv", "--plot", "p.pdf"), 2, "--plot p.pdf is no picture that can be made"),
        (
            ("--telemetry", "t.csv", "--plot", "no/p.svg"),
            2,
            "--plot no/p.svg cannot be written: there is no",
        ),
        (("--telemetry", "t.csv", "--profiles", "empty"), 2, "empty is no folder of profiles"),
        (("--telemetry", "bad.csv"), 1, "No reading of bad.csv could be used."),
        (("--telemetry", "bad.parquet"), 1, "bad.parquet is no Parquet: "),
        (("--telemetry", "bad.csv.gz"), 1, "bad.csv.gz cannot be read to its end: "),
        (("door.json", "--telemetry", "t.csv"), 2, "reads Coldwatch's own telemetry and door.json messages of another"),
    ],
)
def test_a_wrong_call_is_told_in_a_sentence(
    words: tuple[str, ...], code: int, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty").mkdir()
    (folder / "t.txt").touch()
    as_csv(folder / "t.csv", warm(0, 0, 2))
    (folder / "door.json").write_text(json.dumps(DOOR))
    for name in ("bad.csv", "bad.parquet", "bad.csv.gz"):
        (folder / name).write_text("device_id,timestamp\na,never\n")

    ended, said = complaint(capsys, WARM, *words)

    assert (ended, told in said) == (code, True), said


def test_a_model_that_cannot_run_is_told_as_validate_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "door.json").write_text(json.dumps(DOOR).replace("> 10", "> "))

    code, said = complaint(capsys, str(tmp_path / "door.json"), "--telemetry", "t.csv")

    assert code == 1
    assert "door.json cannot run:" in said
    assert "states[0].onInput.transitionEvents[0].condition" in said


def test_a_profile_of_ones_own_holds_beside_coldwatchs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = json.loads((ROOT / "detectors" / "profiles" / "default.json").read_text())
    mine |= {"name": "mine"}
    mine["values"] |= {"high_c": 20}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.json").write_text(json.dumps(mine))
    telemetry = jsonl(tmp_path / "t.jsonl", warm(10, 40, 60))

    document = backtest(
        capsys, WARM, "--telemetry", telemetry, "--profiles", str(tmp_path / "mine"),
        "--profile", "mine", "--profile", "default",
    )  # fmt: skip

    assert [each["fired"] for each in document["candidates"]] == [0, 1]
