"""The documents agree with the project: links lead somewhere, and what is named in them exists."""

import re
from pathlib import Path

import pytest
import yaml

from coldwatch.telemetry.rejection import Reason
from coldwatch_ops.commands import COMMANDS, NOUNS

from .template import ROOT, resources, template

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "tests/fixtures/**/*.md")
    for path in ROOT.glob(pattern)
    if not path.relative_to(ROOT).parts[0].startswith(".")
)
README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
COSTS = (ROOT / "docs/costs.md").read_text()
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text()

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    """What stands in backticks, and each line of a fenced block."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", without_code(text)), *(line for block in blocks for line in block.splitlines())]


def anchors(document: Path) -> set[str]:
    """As GitHub makes them: lower case, punctuation dropped, spaces to dashes."""
    headings = re.findall(r"^#+ (.+)$", without_code(document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", without_code(document.read_text()))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def is_dead(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def command_words(line: str) -> list[str]:
    """The words after `coldwatch`, up to a comment, a second command or a pause; empty for other lines."""
    match = re.match(r"(?:\S*/)?coldwatch ((?!=).+)", line.strip())
    return re.split(r"\s#|[;|&…]|\.\.\.", match[1])[0].split() if match else []


@each_document
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    assert not [link for link in links(document) if is_dead(document, link)]


@each_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    lines = [found for text in code(document.read_text()) if (found := re.match(r"make ([a-z][a-z -]*)", text))]

    assert {target for line in lines for target in line[1].split()} <= targets


def without_global_options(words: str) -> str:
    return re.sub(r"--(local|json)\b ?|--(stack|region|endpoint-url) \S+ ?", "", words).strip()


@each_document
def test_every_command_that_is_named_exists(document: Path) -> None:
    spoken = [words for line in code(document.read_text()) if (words := command_words(line))]
    named = [without_global_options(" ".join(words)) for words in spoken]

    unknown = [words for words in named if not any(f"{words} ".startswith(f"{one.name} ") for one in COMMANDS)]

    assert not {words for words in unknown if words} - set(NOUNS)


@pytest.mark.parametrize("name", ["docs/runbook.md", "docs/deploy.md", "docs/architecture.md", "docs/costs.md"])
def test_every_name_of_the_template_that_is_named_exists(name: str) -> None:
    text = template()
    known = {*text["Parameters"], *text["Resources"], *text["Outputs"], "CodeStyle"}
    known |= {alarm["Properties"]["MetricName"] for alarm in resources("AWS::CloudWatch::Alarm").values()}

    # Two capitals at least, so that words of English are none; `Name=value` is a parameter.
    words = [word.partition("=")[0] for text in code((ROOT / name).read_text()) for word in text.split()]
    named = {word for word in words if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word)}

    assert named <= known | {"SerialNumber", "CostCenter"}


def test_the_deployment_guide_lists_every_parameter() -> None:
    guide = "\n".join(re.findall(r"^\| `.*$", (ROOT / "docs/deploy.md").read_text(), re.MULTILINE))

    assert set(re.findall(r"`([A-Z]\w+)`", guide)) >= set(template()["Parameters"])


def test_the_runbook_knows_every_alarm_and_every_reason() -> None:
    named = set(code(RUNBOOK))

    assert set(resources("AWS::CloudWatch::Alarm")) <= named
    assert {reason.value for reason in Reason} <= named


def test_the_runbook_tells_of_the_retention_that_the_template_gives() -> None:
    hours = resources("AWS::Kinesis::Stream")["TelemetryStream"]["Properties"]["RetentionPeriodHours"]
    queues = {queue["Properties"]["MessageRetentionPeriod"] for queue in resources("AWS::SQS::Queue").values()}
    source = resources("AWS::Serverless::Function")["StoreTelemetryFunction"]["Properties"]["Events"]["Telemetry"]

    assert f"| `TelemetryStream` | {hours // 24} days after it arrived |" in RUNBOOK
    assert {f"{seconds // 86_400} days" for seconds in queues} == {"14 days"}
    assert f"older than **{source['Properties']['MaximumRecordAgeInSeconds'] // 3600} hours**" in RUNBOOK


def test_the_costs_count_the_alarms_and_dashboards_of_the_template() -> None:
    alarms = len(resources("AWS::CloudWatch::Alarm"))

    assert f"{alarms} alarms · 0.10" in COSTS
    assert f"{alarms} alarms, dashboard" in README
    assert f"({len(resources('AWS::DynamoDB::Table'))} tables" in COSTS
    assert len(resources("AWS::CloudWatch::Dashboard")) == 1


def test_the_readme_is_short_and_its_table_names_what_exists() -> None:
    table = README.partition("| folder | what |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`\s]+/?)`", row) if "/" in name]

    assert len(README.splitlines()) <= 150
    assert len(named) > 15
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_readme_names_every_folder_of_the_project() -> None:
    hidden = {"coldwatch.egg-info", "build", "dist", "requirements"}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}

    assert {name for name in folders - hidden if f"`{name}/`" not in README} == set()


def test_the_workflow_invokes_every_function_with_its_event_and_runs_real_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    steps = [step for job in yaml.safe_load(WORKFLOW)["jobs"].values() for step in job["steps"]]

    invoked = re.findall(r"^ +invoke (\w+) (events/\w+\.json) ", WORKFLOW, re.MULTILINE)

    assert {function for function, _ in invoked} == set(resources("AWS::Serverless::Function"))
    assert all((ROOT / event).is_file() for _, event in invoked)
    assert {step["run"].split()[1] for step in steps if step.get("run", "").startswith("make ")} <= targets
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)


def test_decisions_are_numbered_without_gaps_and_say_how_to_undo_them() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))

    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert all(f"**{part}" in text for part in ("Context.", "Choice.", "Undo"))
        assert len(text.splitlines()) <= 60, f"{path.name} is longer than a page"
