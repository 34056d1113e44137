"""`python -m tools.chart` writes what is generated of deploy/kustomize and deploy/helm.

`--check` writes nothing: it names the stale files and exits with 1.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from tools.chart import generate

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the files, or compares them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="chart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which generated files are stale")
    check = parser.parse_args(argv).check
    wanted = generate.generated()
    stale = {
        path: wanted.get(path) for path in sorted({*wanted, *generate.found()}) if _text(path) != wanted.get(path)
    }
    for path, text in stale.items():
        if check:
            print(f"{path.relative_to(generate.ROOT)} is stale: run `python -m tools.chart`", file=sys.stderr)
        elif text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


def _text(path: pathlib.Path) -> str | None:
    """What is there; None: nothing."""
    return path.read_text("utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
