import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOADED = """
import sys
before = set(sys.modules)
import coldwatch.engine.checker, coldwatch.engine.machine
print(*{name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
"""


def test_the_engine_loads_nothing_but_the_standard_library_and_msgspec() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED],
        env={"PYTHONPATH": str(ROOT / "functions")},
        capture_output=True,
        text=True,
        check=True,
    )

    # msgspec itself looks for typing_extensions.
    assert set(ended.stdout.split()) - {"typing_extensions"} == {"coldwatch", "msgspec"}
