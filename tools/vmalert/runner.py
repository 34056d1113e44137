"""Runs vmalert-tool over the converted tests of a file."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from tools.vmalert.bundle import (
    Group,
    evaluation_order,
    group_of_alert,
    load_tests,
    rule_groups,
    select_named,
    split_dependent,
    without_annotations,
)
from tools.vmalert.convert import Converted, convert

__all__ = ["run_tests"]

_ENVIRONMENT = {"GOGC": "400", "GOMAXPROCS": "1"}  # a sixth less CPU time: the parts of a file run side by side


def run_tests(file: pathlib.Path, *, tool: pathlib.Path) -> str:
    """The failures that vmalert-tool reports for the tests in the file; empty if all pass."""
    document = load_tests(file)
    groups = split_dependent(select_named(rule_groups(file, document), text=file.read_text("utf-8")))
    parts = convert(document, groups=group_of_alert(groups))

    def run(part: Converted) -> str:
        content = _content(part, document=document, groups=groups)
        labels = [f"--external.label={name}={value}" for name, value in part.external_labels.items()]
        return _failures(content, labels, tool=tool, name=file.name)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return "".join(pool.map(run, parts))


def _content(
    part: Converted, *, document: Mapping[str, Any], groups: Sequence[Group]
) -> dict[str, Mapping[str, Any]]:
    """The two files that vmalert-tool reads, by name."""
    tests = {
        "rule_files": ["rules.json"],
        "evaluation_interval": document["evaluation_interval"],
        "group_eval_order": evaluation_order(groups, given=document.get("group_eval_order", ())),
        "tests": part.tests,
    }
    return {"rules.json": {"groups": groups if part.annotated else without_annotations(groups)}, "tests.json": tests}


def _failures(
    content: Mapping[str, Mapping[str, Any]], flags: Sequence[str], *, tool: pathlib.Path, name: str
) -> str:
    """The output of a failed run; otherwise empty. The database is in the same folder, which is always removed."""
    with tempfile.TemporaryDirectory(prefix="vmalert-") as folder:
        for file, value in content.items():
            pathlib.Path(folder, file).write_text(json.dumps(value), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 the tool is the caller's
            [str(tool.resolve()), "unittest", "--files=tests.json", *flags],
            cwd=folder,
            env=os.environ | {"TMPDIR": folder} | _ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
    return "" if done.returncode == 0 else f"{name}:{done.stdout}{done.stderr}"
