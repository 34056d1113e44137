"""Compares the decoding of a CodeRun by its profile with the former hand-written decoder: `python -m bench.decoding`.

Both are measured in one process, in turns. The files of the hand-written decoder are read from a commit in git.
"""

import argparse
import functools
import pathlib
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import msgspec

from exporter.cache import Run
from exporter.kube.decode import Decoder
from exporter.profiles import resolve
from exporter.resources.coderuns import run_from_object
from exporter.resources.kinds import run_kinds

_BEFORE = "0a09131"
_ROOT = pathlib.Path(__file__).parent.parent
_OBJECT: dict[str, Any] = {
    "apiVersion": "agents.platform/v1",
    "kind": "CodeRun",
    "metadata": {
        "name": "shop-t7-implementation-2xk8s",
        "namespace": "agent-platform",
        "uid": "10000000-0000-4000-8000-000000000001",
        "resourceVersion": "123456",
        "generation": 1,
        "creationTimestamp": "2025-11-01T10:00:00Z",
        "finalizers": ["coderuns.orchestrator.io/finalizer"],
        "labels": {
            "task-id": "7",
            "service": "shop",
            "github-app": "5DLabs-Rex",
            "workflow-name": "play-7",
            "workflow-run": "play-7",
            "workflow-stage": "implementation",
            "workflow-type": "play-orchestration",
        },
        "managedFields": [
            {
                "manager": f"m{n}",
                "operation": "Update",
                "apiVersion": "v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {f"f:field{i}": {} for i in range(20)}},
            }
            for n in range(2)
        ],
    },
    "spec": {
        "taskId": 7,
        "service": "shop",
        "repositoryUrl": "https://github.com/acme/shop",
        "docsRepositoryUrl": "https://github.com/acme/docs",
        "workingDirectory": ".",
        "model": "claude-sonnet-4-5",
        "githubApp": "5DLabs-Rex",
        "contextVersion": 2,
        "cliConfig": {"cliType": "claude", "model": "claude-sonnet-4-5", "settings": {"a": [1, 2, 3]}},
        "env": {f"NAME_{n}": "value" for n in range(10)},
    },
    "status": {
        "phase": "Running",
        "message": "Job is running for task 7",
        "lastUpdate": "2025-11-01T10:00:12Z",
        "jobName": "play-coderun-task-7-rex-claude-agent-plat-0123-10000000-v1",
        "workCompleted": False,
        "retryCount": 0,
        "conditions": [{"type": "Running", "status": "True", "lastTransitionTime": "2025-11-01T10:00:12Z"}],
    },
}


def main() -> int:
    """Prints the microseconds of each decoder and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=40, help="turns of each decoder (default 40)")
    parser.add_argument("--number", type=int, default=5000, help="objects in each turn (default 5000)")
    parser.add_argument("--before", default=_BEFORE, help="the commit of the hand-written decoder")
    arguments = parser.parse_args()
    raw = msgspec.Raw(msgspec.json.encode(_OBJECT))
    ways = {"by hand": _by_hand(arguments.before), "by profile": _by_profile()}
    runs = [run for decode in ways.values() if (run := decode(raw)) is not None]
    first, second = (msgspec.structs.replace(run, resource="") for run in runs)
    assert first == second, (first, second)  # fails if a field was added after that commit
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.turns):
        for name, decode in ways.items():
            started = time.process_time()
            for _ in range(arguments.number):
                decode(raw)
            times[name].append((time.process_time() - started) / arguments.number * 1e6)
    for name, some in times.items():
        print(f"{name:10s} median {statistics.median(some):6.2f} us, minimum {min(some):6.2f} us")
    print(f"ratio      median {_ratio(times, statistics.median):6.2f},    minimum {_ratio(times, min):6.2f}")
    return 0


def _ratio(times: dict[str, list[float]], kind: Callable[[list[float]], float]) -> float:
    return kind(times["by profile"]) / kind(times["by hand"])


def _by_profile() -> Callable[[msgspec.Raw], Run | None]:
    (kind,) = run_kinds([resolve("coderuns.agents.platform")])
    decoder, slim = Decoder(kind.reader.type), functools.partial(run_from_object, kind=kind)
    return lambda raw: slim(decoder.decode(raw)[0])


def _by_hand(commit: str) -> Callable[[msgspec.Raw], Run]:
    addresses = _module(commit, "addresses")
    untrusted = _module(commit, "untrusted", addresses=addresses)
    objects = _module(commit, "resources.objects", untrusted=untrusted)
    kinds = _module(commit, "resources.kinds")
    others = {"addresses": addresses, "untrusted": untrusted, "resources.objects": objects, "resources.kinds": kinds}
    coderuns = _module(commit, "resources.coderuns", **others)
    kind = kinds.RunKind(
        group="agents.platform",
        version="v1",
        plural="coderuns",
        kind="CodeRun",
        undecodable_when_empty=("cliType", "githubApp", "model"),
    )
    decoder, slim = Decoder(coderuns.CodeRun), functools.partial(coderuns.run_from_object, kind=kind)
    return lambda raw: slim(decoder.decode(raw)[0])


def _module(commit: str, name: str, **others: types.ModuleType) -> Any:
    """A module of the exporter at this commit, which imports `others` instead of the current modules."""
    path = f"{commit}:exporter/{name.replace('.', '/')}.py"
    shown = subprocess.run(["git", "-C", str(_ROOT), "show", path], check=True, capture_output=True, text=True)  # noqa: S607
    module = sys.modules[f"before_{name}"] = types.ModuleType(f"before_{name}")
    today = dict(sys.modules)
    sys.modules.update({f"exporter.{other}": before for other, before in others.items()})
    try:
        exec(shown.stdout, vars(module))  # noqa: S102
    finally:
        sys.modules.update({name: known for name, known in today.items() if name.startswith("exporter.")})
    return module


if __name__ == "__main__":
    sys.exit(main())
