"""Writes an SVG image. Coordinates and sizes are in pixels."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

__all__ = ["BACK", "FAINT", "INK", "PALETTE", "Canvas"]

BACK, PANEL, INK, FAINT = "#111217", "#181b1f", "#ccccdc", "#70707f"
PALETTE = (
    "#73bf69",
    "#f2cc0c",
    "#8ab8ff",
    "#ff780a",
    "#b877d9",
    "#37872d",
    "#56a64b",
    "#fade2a",
    "#5794f2",
    "#a352cc",
)
_LETTER = 0.56  # average width of a character, relative to the font size
_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" \
height="{height:g}" font-family="Inter, Helvetica, Arial, 'DejaVu Sans', sans-serif">
<title>{title}</title>
<rect width="100%" height="100%" fill="{back}"/>
"""


class Canvas:
    """Collects shapes; `done` returns the SVG."""

    def __init__(self, *, title: str, width: float, height: float) -> None:
        self._parts = [_HEAD.format(title=escape(title), width=width, height=height, back=BACK)]

    def box(self, x: float, y: float, width: float, height: float, *, fill: str = PANEL, opacity: float = 1) -> None:
        """A filled rectangle."""
        clear = "" if opacity == 1 else f' opacity="{opacity:g}"'
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" rx="2"'
            f' fill="{fill}"{clear}/>\n'
        )

    def text(
        self, x: float, y: float, words: str, *, size: float = 13, fill: str = INK, room: float = 0, anchor: str = ""
    ) -> None:
        """Text with the baseline `y`, truncated to the width `room`; 0 means no limit."""
        most = int(room / (size * _LETTER)) if room else len(words)
        shown = words if len(words) <= most else words[: max(most - 1, 0)] + "…"
        end = f' text-anchor="{anchor}"' if anchor else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"{end}>{escape(shown)}</text>\n'
        )

    def line(
        self, points: Iterable[tuple[float, float]], *, stroke: str, dashed: bool = False, width: float = 2
    ) -> None:
        """A line through these points."""
        dash = ' stroke-dasharray="8 6"' if dashed else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width:g}"{dash}/>\n'
        )

    def note(self, words: str) -> None:
        """Adds a tooltip to the shape that was drawn last."""
        self._parts[-1] = self._parts[-1].replace("/>\n", f"><title>{escape(words)}</title></rect>\n")

    def done(self) -> str:
        """The SVG."""
        return "".join([*self._parts, "</svg>\n"])
