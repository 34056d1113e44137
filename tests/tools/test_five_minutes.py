"""`make five-minutes`: what it takes from the page, and what it says where it cannot run."""

import pytest

from lab import components
from tools.five_minutes import __main__ as tool, page, walk

TEXT = """\
# Page

## First

```sh
one
two \\
  more
```

## Second

```yaml
a: 1
```
"""


def test_the_commands_of_a_heading_are_the_pages():
    """One by one, and a long one with its continuation lines."""
    assert page.commands("First", text=TEXT) == ["one", "two \\\n  more"]
    assert page.block("Second", "yaml", text=TEXT) == "a: 1\n"


@pytest.mark.parametrize(("heading", "language"), [("Second", "sh"), ("Third", "sh"), ("First", "yaml")])
def test_a_heading_without_its_block_is_an_error(heading, language):
    """So a page that is changed cannot make the walk shorter; another heading's block is not taken."""
    with pytest.raises(ValueError, match=f"^five-minutes.md: no {language} below the heading '{heading}'$"):
        page.block(heading, language, text=TEXT)


def test_the_page_has_what_the_walk_takes():
    """Every way, what is before it, and Prometheus' configuration with the place where it is mounted."""
    for heading in ("A cluster without the platform", *tool.WAYS.values()):
        assert page.commands(heading)

    assert page.block("Prometheus", "yaml").count(walk.MOUNT) == 2
    told = page.PAGE.read_text()
    assert all(f"`{name}`" in told for name in walk.WANTED)


def test_a_component_that_is_missing_is_one_line(monkeypatch, capsys):
    """With its name and how to get it."""
    monkeypatch.setattr(components, "find", lambda name: None if name == "kwok" else components.BUILT / name)
    assert tool.main([]) == 2
    assert capsys.readouterr().err == (
        "make five-minutes: kwok is not in .tools/bin and not on PATH: run `make tools`\n"
    )


def test_an_unknown_way_is_one_line(capsys):
    """With those that there are."""
    with pytest.raises(SystemExit) as ended:
        tool.main(["by-hand"])
    assert ended.value.code == 2
    assert "unknown way 'by-hand': kustomize, helm, operator" in capsys.readouterr().err
