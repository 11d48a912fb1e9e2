"""The fonts that come with Coldwatch, read once."""

from functools import cache
from pathlib import Path

from coldwatch.reports.pdf.font import read_font
from coldwatch.reports.pdf.paper import Fonts

_FONTS = Path(__file__).parents[1] / "reports" / "fonts"
_NAMES = ("DejaVuSansCondensed", "DejaVuSansCondensed-Bold")


@cache
def load_fonts() -> Fonts:
    regular, bold = (read_font(each, (_FONTS / f"{each}.ttf").read_bytes()) for each in _NAMES)
    return Fonts(regular, bold)
