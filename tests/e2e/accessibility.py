"""What a page is to those who cannot see it well, hit it well, or use a mouse: asked of axe, and of the browser."""

import functools
from pathlib import Path
from typing import Any

from tests.e2e.browser import Browser
from tests.e2e.leaving_out import missing, skip_without

AXE = Path(__file__).parents[2] / ".local" / "environments" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
MISSING = "axe-core is not there: make .local/environments/axe/ready (needs npm)"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LEAST_PX = 44
"""Of what a thumb is to hit; WCAG 2.2 asks for 24."""


@functools.cache
def _axe() -> str:
    if not AXE.exists():
        skip_without(MISSING)
    return AXE.read_text()


def is_axe_there() -> bool:
    """For a journey that goes on without it, where it may."""
    if not AXE.exists():
        missing(MISSING)
    return AXE.exists()


def violations(chromium: Browser) -> list[str]:
    """What axe finds on the page that is open, by its rules for WCAG 2.2 AA and for good practice."""
    chromium.execute_script(_axe())
    found: dict[str, Any] = chromium.execute_async_script(
        "const [rules, done] = arguments;"
        "axe.run(document, {runOnly: {type: 'tag', values: rules}}).then(done, error => done({error: String(error)}))",
        RULES,
    )
    assert "error" not in found, found
    assert found["passes"], "it has looked"
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


def overflow(chromium: Browser) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = chromium.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    return max(wider, 0)


def too_small(chromium: Browser) -> list[str]:
    """What can be pressed and is smaller than a thumb."""
    found: list[str] = chromium.execute_script(
        """const [least] = arguments
        return [...document.querySelectorAll('button, summary, select, input:not([type=hidden]), textarea, a')]
          .filter(each => each.getClientRects().length)
          .filter(each => [each.getBoundingClientRect()].some(box => box.height < least || box.width < least))
          .map(each => each.outerHTML)""",
        LEAST_PX,
    )
    return found


def focus_faults(chromium: Browser) -> list[str]:
    """What is wrong with the element that has the focus: it must be marked, in sight, and nothing before it."""
    found: list[str] = chromium.execute_script(
        """const each = document.activeElement, box = each.getBoundingClientRect(), style = getComputedStyle(each)
        const faults = []
        if (parseFloat(style.outlineWidth) < 2 || style.outlineStyle === 'none') faults.push('no mark')
        if (box.bottom < 1 || box.top > innerHeight - 1) faults.push('out of sight')
        const top = document.elementFromPoint(box.left + box.width / 2, Math.max(box.top + 1, 1) + 2)
        if (top !== each && !each.contains(top)) faults.push('hidden')
        return faults.map(fault => fault + ': ' + each.outerHTML)"""
    )
    return found
