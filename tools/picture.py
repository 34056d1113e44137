"""Draws the summary of the demo as docs/demo.svg: `make demo | .venv/bin/python tools/picture.py`."""

import pathlib
import sys
from collections.abc import Iterator
from xml.sax.saxutils import escape

TARGET = pathlib.Path(__file__).resolve().parent.parent / "docs/demo.svg"
TITLE = "Time to alert"
LINE, LETTER, MARGIN = 20, 8.4, 20  # px, for a monospaced font of 14 px
STYLES = {"without": "bad", "with coderun-exporter": "good", TITLE: "title", "alerts about": "good", "─": "quiet"}
CONTINUED = " " * 20  # how a continuation line begins
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" role="img"
  viewBox="0 0 {width:g} {height:g}" width="{width:g}">
<title>The end of make demo</title>
<style>
  text {{ font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d4d4d8;
    white-space: pre; }}
  .title {{ font-weight: bold; fill: #ffffff; }}
  .bad {{ fill: #f87171; }}
  .good {{ font-weight: bold; fill: #4ade80; }}
  .quiet {{ fill: #71717a; }}
</style>
<rect width="100%" height="100%" rx="8" fill="#18181b"/>
{lines}
</svg>
"""


def main() -> int:
    """Reads the demo's output from standard input. Returns 1 if the demo did not finish."""
    text = sys.stdin.read()
    if TITLE not in text:
        print("picture: the demo did not finish", file=sys.stderr)
        return 1
    lines = text[text.rindex(TITLE) :].rstrip().splitlines()
    lines = [lines[0], *(line.removeprefix("  ") for line in lines[1:])]
    drawn = [
        f'<text x="{MARGIN}" y="{MARGIN + LINE * (row + 0.75):g}" class="{name}">{escape(line)}</text>'
        for row, (line, name) in enumerate(zip(lines, styles(lines), strict=True))
    ]
    width, height = MARGIN * 2 + LETTER * max(map(len, lines)), MARGIN * 2 + LINE * len(lines)
    TARGET.write_text(PAGE.format(width=width, height=height, lines="\n".join(drawn)), encoding="utf-8")
    return 0


def styles(lines: list[str]) -> Iterator[str]:
    """The CSS class of each line, by its first words."""
    name = ""
    for line in lines:
        if not line.startswith(CONTINUED):
            name = next((name for begin, name in STYLES.items() if line.strip().startswith(begin)), "")
        yield name


if __name__ == "__main__":
    sys.exit(main())
