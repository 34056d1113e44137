"""Runs vmalert-tool over the converted tests of a file."""

import json
import os
import pathlib
import subprocess
import tempfile

from tools.vmalert.bundle import evaluation_order, group_of_alert, load_tests, relevant, rule_groups, unannotated
from tools.vmalert.convert import convert

__all__ = ["run_tests"]


def run_tests(file: pathlib.Path, *, tool: pathlib.Path) -> str:
    """What vmalert-tool says against the tests of that file; empty where they pass."""
    document = load_tests(file)
    groups = relevant(rule_groups(file, document), text=file.read_text("utf-8"))
    failures = ""
    with tempfile.TemporaryDirectory(prefix="vmalert-") as folder:
        for number, part in enumerate(convert(document, groups=group_of_alert(groups))):
            rules = pathlib.Path(folder) / f"rules-{number}.json"
            rules.write_text(json.dumps({"groups": groups if part.annotated else unannotated(groups)}))
            tests = pathlib.Path(folder) / f"{file.stem}-{number}.json"
            content = {
                "rule_files": [str(rules)],
                "evaluation_interval": document["evaluation_interval"],
                "group_eval_order": evaluation_order(groups, given=document.get("group_eval_order", ())),
                "tests": part.tests,
            }
            tests.write_text(json.dumps(content))
            labels = [f"--external.label={name}={value}" for name, value in part.external_labels.items()]
            failures += _failure(tool, f"--files={tests}", *labels, folder=folder)
    return failures


def _failure(tool: pathlib.Path, *arguments: str, folder: str) -> str:
    """Its own folder is for its database too, which is left over when the run is cut short."""
    command = [str(tool.resolve()), "unittest", *arguments]
    environment = {**os.environ, "TMPDIR": folder}
    done = subprocess.run(  # noqa: S603 what was built here
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
