"""The wheel and the image contain only the package `exporter`."""

import ast
import email
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

from exporter import cli

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this checkout, as an open ZipFile."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    [built] = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


@pytest.mark.timeout(60)
def test_the_wheel_contains_the_exporter_and_nothing_else(wheel):
    """It has every file of `exporter` and the metadata, but nothing of lab, tools, tests, bench or alerts."""
    information = f"{'-'.join(pathlib.Path(wheel.filename).name.split('-')[:2])}.dist-info/"
    names = {name for name in wheel.namelist() if not name.startswith(information)}
    files = [path.relative_to(ROOT) for path in (ROOT / "exporter").rglob("*") if path.is_file()]
    assert names == {str(path) for path in files if "__pycache__" not in path.parts}


@pytest.mark.timeout(60)
def test_the_wheel_requires_what_the_exporter_imports_and_nothing_else(wheel):
    """There are no extras. All other imports are from the standard library."""
    [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    head = email.message_from_bytes(wheel.read(metadata))
    required = set(map(name_of, head.get_all("Requires-Dist")))
    assert required == set(map(name_of, PROJECT["dependencies"]))
    assert head.get_all("Provides-Extra") is None
    distributions = importlib.metadata.packages_distributions()
    imported = {name for path in (ROOT / "exporter").rglob("*.py") for name in imports_of(path)}
    others = imported - sys.stdlib_module_names - {"exporter"}
    assert {name_of(name) for module in others for name in distributions[module]} == required


def name_of(requirement):
    """The normalized name of the distribution in a requirement."""
    return re.match(r"[\w-]+", requirement)[0].lower().replace("_", "-")


def imports_of(path):
    """The top-level packages that a module imports, including imports inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_the_image_contains_only_the_exporter():
    """The Dockerfile copies exactly the paths that .dockerignore allows."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    copied = {source for line in lines for source in line.split()}
    assert copied == {"exporter", "pyproject.toml", "README.md", "requirements/build.txt", "requirements/run.txt"}
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(allowed) == copied


def test_every_command_is_in_the_package():
    """Otherwise `--help` in the image would list a command that is not installed there."""
    assert {module.__package__ for module, _ in cli._COMMANDS.values()} == {"exporter.commands"}
