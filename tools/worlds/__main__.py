"""Runs every scenario ("world") of lab/worlds and writes docs/worlds.md: `make worlds`.

Exit codes: 0 the alerts are as expected, 1 an alert differs or, with `--check`, the page is stale, 2 no result.
"""

import argparse
import pathlib
import sys
import tempfile

from lab.components import MissingComponentError
from lab.timelapse.evaluation import EvaluationError
from lab.worlds.delivery import delivered
from lab.worlds.differences import differences
from lab.worlds.outcomes import outcomes
from tools.worlds.page import PAGE, text_of


def main() -> int:
    """Writes or compares the page. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.worlds", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the page is stale")
    check = parser.parse_args().check
    try:
        played = outcomes()
        with tempfile.TemporaryDirectory(prefix="worlds-") as folder:
            arrived = delivered(played, folder=pathlib.Path(folder))
    except (EvaluationError, MissingComponentError) as error:
        print(f"python -m tools.worlds: {error}", file=sys.stderr)
        return 2
    wrong = [
        f"{outcome.world.name}: {line}"
        for outcome, here in zip(played, arrived, strict=True)
        for line in differences(outcome, here)
    ]
    text = text_of(played, arrived)
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        wrong.append(f"docs/{PAGE.name} is stale: run `make worlds`")
    for line in wrong:
        print(f"python -m tools.worlds: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
