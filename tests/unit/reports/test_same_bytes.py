"""The same objects make the same report.json and the same report.pdf, byte for byte, whichever process makes them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.reports.examples import all_cases

ROOT = Path(__file__).parents[3]
PRINT_HASHES = """
import hashlib
from coldwatch.adapters.report_fonts import load_fonts
from coldwatch.reports.pdf.printing import print_report
from coldwatch.reports.report import encode, report
from tests.unit.reports.examples import all_cases

fonts = load_fonts()
for name, sources in all_cases().items():
    content = encode(report(sources))
    sha256 = hashlib.sha256(content).hexdigest()
    print(name, sha256, hashlib.sha256(print_report(content, fonts, sha256=sha256)).hexdigest())
"""


def hashes(seed: str) -> list[str]:
    """As a process of its own makes them; the order of its sets and the hashes of its texts follow the seed."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_HASHES], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def test_another_process_makes_the_same_reports_in_the_same_bytes() -> None:
    made = hashes("1")

    assert [line.split()[0] for line in made] == list(all_cases())
    assert hashes("2") == made
