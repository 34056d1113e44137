"""The workflows run the same commands as a developer, and only pinned actions."""

import pathlib
import re
import subprocess

import pytest
import yaml

from lab.components import component

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
OURS = [*WORKFLOWS, ROOT / ".github/dependabot.yml", *sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))]


def steps_of(path):
    """The steps of all jobs of a workflow."""
    return [step for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values() for step in job["steps"]]


@pytest.mark.needs("actionlint")
def test_actionlint_accepts_the_workflows():
    """It checks the syntax, the contexts and the inputs of actions."""
    run = subprocess.run([component("actionlint"), *WORKFLOWS], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit(path):
    """A tag can be moved to another commit."""
    used = [step["uses"] for step in steps_of(path) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_workflow_runs_the_whole_of_ci(path):
    """A release must pass the same checks as a change."""
    assert any(".ci/run" in step.get("run", "") for step in steps_of(path))
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_the_files_that_the_workflows_name_exist(path):
    """Paths are relative to the repository."""
    named = re.findall(r"(?<![\w/.-])(?:tools|requirements|docs|deploy)/[\w./-]+", path.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name.rstrip("/.")).exists()] == []
