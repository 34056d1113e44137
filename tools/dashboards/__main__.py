"""`python -m tools.dashboards` writes dashboards/ (`make dashboards`).

With `--check`, it writes nothing, names the stale files and exits with 1. `--render` starts the demo with a real
Prometheus, draws each dashboard with the results of its queries, and writes docs/dashboards.md. `--render FOLDER`
only writes the images, to that folder.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from lab.components import MissingComponentError, component
from tools.dashboards import generate, page, rendering
from tools.generated import update
from tools.rule_files import ROOT

__all__ = ["main"]

DOCS = ROOT / "docs"


def main(argv: Sequence[str] | None = None) -> int:
    """Generates, compares or draws the dashboards. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale files")
    parser.add_argument(
        "--render",
        nargs="?",
        type=pathlib.Path,
        const=DOCS,
        metavar="FOLDER",
        help="draw the dashboards to this folder (docs)",
    )
    options = parser.parse_args(argv)
    code = update(generate.render_files(), existing=generate.list_files(), root=generate.ROOT, check=options.check)
    if options.check or options.render is None:
        for name in page.stale():
            print(f"{name} lists other panels: run `make dashboards RENDER=1`", file=sys.stderr)
            code |= options.check
        return code
    try:
        component("prometheus")
    except MissingComponentError as error:
        print(f"dashboards: {error}", file=sys.stderr)
        return 2
    measured = rendering.render(options.render)
    if options.render == DOCS:
        page.write(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
