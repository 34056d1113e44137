"""`python -m tools.bundle` writes deploy/rules/ from alerts/rules/ (`make bundle`).

`--check` writes nothing: it names the stale files and exits with 1. `--release` packs a folder, its archive and the
archive's checksum (`make bundle`). What cannot be made is one line on standard error, with exit code 2.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from tools.bundle import generate, release, source

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Generates, compares or packs; gives the exit code."""
    parser = argparse.ArgumentParser(prog="bundle", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which generated files are stale")
    parser.add_argument("--release", action="store_true", help="pack a release instead")
    parser.add_argument("--version", default="", help="with --release: the version to pack, as alerts/VERSION has it")
    parser.add_argument("--runbooks", default="", help="with --release: the address below which the runbooks are")
    parser.add_argument("--gone", default="", help="with --release: how long a lost target is a warning (24h)")
    parser.add_argument("--jobs", default="", help="with --release: the regular expression of the scrape jobs' names")
    parser.add_argument("--out", type=pathlib.Path, default=source.ROOT / "dist", help="with --release: where (dist)")
    options = parser.parse_args(argv)
    try:
        if options.release:
            settings = release.Settings(runbooks=options.runbooks, gone=options.gone, jobs=options.jobs)
            print(release.pack(version=options.version, settings=settings, out=options.out))
            return 0
        if not options.check:
            generate.write()
            return 0
        stale = generate.stale()
    except source.BundleError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 2
    for name in stale:
        print(f"{name} is stale: run `make bundle`", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
