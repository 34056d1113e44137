"""`python -m tools.bundle` writes the PrometheusRules of deploy/kustomize from alerts/rules/ (`make bundle`).

With `--check`, it writes nothing, names the stale files and exits with 1. `--release` writes the folder of a release,
its archive and the checksum of the archive. An error is one line on standard error, with exit code 2.
"""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from tools import rule_files
from tools.bundle import generate, release, settings
from tools.generated import update

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Generates, compares or packs. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="bundle", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale files")
    parser.add_argument("--release", action="store_true", help="pack a release")
    parser.add_argument(
        "--version", default="", help="with --release: the version, which must be that of alerts/VERSION"
    )
    parser.add_argument(
        "--settings",
        type=pathlib.Path,
        help="with --release: the file with the settings of the rules (alerts/README.md)",
    )
    parser.add_argument(
        "--runbooks",
        default="",
        help="with --release: the base address of the runbooks, which overrides the settings",
    )
    parser.add_argument(
        "--out", type=pathlib.Path, default=rule_files.ROOT / "dist", help="with --release: the folder (dist)"
    )
    options = parser.parse_args(argv)
    try:
        if options.release:
            own = _settings(options.settings, runbooks=options.runbooks)
            print(release.pack(version=options.version, settings=own, out=options.out))
            return 0
        wanted = {rule_files.ROOT / name: text for name, text in generate.committed().items()}
    except rule_files.BundleError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return 2
    return update(wanted, root=rule_files.ROOT, check=options.check)


def _settings(file: pathlib.Path | None, *, runbooks: str) -> settings.Settings:
    """The settings of the file, with the runbook address of the command line, if it is given."""
    names = {alert["alert"] for alert in rule_files.alerts_of(rule_files.read_rules())}
    own = settings.load(file, names=sorted(names))
    return dataclasses.replace(own, runbooks=settings.address("--runbooks", runbooks)) if runbooks else own


if __name__ == "__main__":
    sys.exit(main())
