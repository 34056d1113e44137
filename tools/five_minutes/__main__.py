"""`make five-minutes`: all ways of docs/five-minutes.md, each in a cluster and a network of its own, at once.

The network lets pods have addresses and Services have names: `unshare` makes it, with a file of its own for the
names.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from lab.components import CLUSTER, MissingComponentError, component
from tools.five_minutes.page import ROOT
from tools.five_minutes.walk import WAYS, walk

__all__ = ["main"]

COMPONENTS = (*CLUSTER, "kubectl", "helm", "prometheus", "operator", "unshare", "ip", "mount")
ALONE = ["unshare", "--map-root-user", "--mount", "--net", sys.executable, "-m", "tools.five_minutes", "--alone"]
PODS = "10.0.0.0/24"
"""From which kwok takes the addresses of pods."""


def main(argv: Sequence[str] | None = None) -> int:
    """0 where every alert fired within five minutes; 2 where a component is missing."""
    parser = argparse.ArgumentParser(prog="five-minutes", description=__doc__)
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"{', '.join(WAYS)}; default: all")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    ways = arguments.ways or list(WAYS)
    if unknown := [way for way in ways if way not in WAYS]:
        parser.error(f"unknown way {unknown[0]!r}: {', '.join(WAYS)}")
    if arguments.alone:
        return _alone(ways[0])
    try:
        for name in COMPONENTS:
            component(name)
    except MissingComponentError as error:
        print(f"make five-minutes: {error}", file=sys.stderr)
        return 2
    started = [
        subprocess.Popen(  # noqa: S603 - this program
            [*ALONE, way], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for way in ways
    ]
    code = 0
    for way, process in zip(ways, started, strict=True):
        told, _ = process.communicate()
        print(f"\n{WAYS[way]}\n\n{told}", flush=True)
        code = code or process.returncode
    return code


def _alone(way: str) -> int:
    """Inside of the network, which has nothing but a loopback interface."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="five-minutes-"))
    try:
        hosts = folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        for command in (
            ["ip", "link", "set", "lo", "up"],
            ["ip", "address", "add", PODS, "dev", "lo"],
            ["ip", "route", "add", "default", "dev", "lo"],  # the API server looks for its address there
            ["mount", "--bind", str(hosts), "/etc/hosts"],
        ):
            subprocess.run(command, check=True)  # noqa: S603 - the commands above
        walk(way, folder)
    except (AssertionError, RuntimeError, TimeoutError) as error:
        print(f"make five-minutes: {way}: {error}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
