"""`make five-minutes`: runs all installation methods of docs/five-minutes.md in parallel, each in its own cluster.

Each method also has its own network and mount namespace, which `unshare` creates with a separate /etc/hosts. So the
Pod IPs and the Service name resolve to this machine.
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
UNSHARE = ["unshare", "--map-root-user", "--mount", "--net", sys.executable, "-m", "tools.five_minutes"]
POD_CIDR = "10.0.0.0/24"
"""The CIDR from which kwok assigns Pod IPs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 if every alert fired within five minutes, 2 if a component is missing, otherwise 1."""
    parser = argparse.ArgumentParser(prog="five-minutes", description=__doc__)
    parser.add_argument(
        "ways", nargs="*", metavar="WAY", help=f"an installation method: {', '.join(WAYS)} (default: all)"
    )
    parser.add_argument("--in-namespace", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    ways = arguments.ways or list(WAYS)
    if unknown := [way for way in ways if way not in WAYS]:
        parser.error(f"unknown way {unknown[0]!r}: {', '.join(WAYS)}")
    if arguments.in_namespace:
        return _run_in_namespace(ways[0])
    try:
        for name in COMPONENTS:
            component(name)
    except MissingComponentError as error:
        print(f"make five-minutes: {error}", file=sys.stderr)
        return 2
    started = [
        subprocess.Popen(  # noqa: S603 - this program
            [*UNSHARE, "--in-namespace", way], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for way in ways
    ]
    code = 0
    for way, process in zip(ways, started, strict=True):
        output, _ = process.communicate()
        print(f"\n{WAYS[way]}\n\n{output}", flush=True)
        code = code or process.returncode
    return code


def _run_in_namespace(way: str) -> int:
    """Runs one method inside the network namespace, which has only the loopback interface."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="five-minutes-"))
    try:
        hosts = folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        for command in (
            ["ip", "link", "set", "lo", "up"],
            ["ip", "address", "add", POD_CIDR, "dev", "lo"],
            # kube-apiserver advertises the address of the interface of the default route.
            ["ip", "route", "add", "default", "dev", "lo"],
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
