"""Wordings that readers stumbled over (docs/style.md) are not used in documentation, runbooks and docstrings."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
AVOIDED = re.compile(
    r"\b(?:rests? on|(?:was|were|is) told|hears? of|somebody|the picture|goes on|at the start of the exporter)\b",
    re.IGNORECASE,
)
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "alerts/*.md", "alerts/runbooks/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name not in {"style.md", "alerts.md", "CHANGELOG.md"}  # alerts.md has the names of unit tests
)
MODULES = sorted((ROOT / "exporter").rglob("*.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages(path):
    """Code is not checked."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    assert AVOIDED.findall(" ".join(text.split())) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings(path):
    """Docstrings of modules, classes, functions and attributes."""
    statements = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Expr))
    texts = [node.value for node in statements if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert AVOIDED.findall(" ".join(" ".join(texts).split())) == []
