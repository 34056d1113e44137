"""`python -m tools.chart` writes the generated files of deploy/kustomize and deploy/helm.

With `--check`, it writes nothing, names the stale files and exits with 1.
"""

import argparse
import sys
from collections.abc import Sequence

from tools.chart import generate
from tools.generated import update

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Writes or compares the files. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="chart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale files")
    check = parser.parse_args(argv).check
    return update(generate.render_files(), existing=generate.list_files(), root=generate.ROOT, check=check)


if __name__ == "__main__":
    sys.exit(main())
