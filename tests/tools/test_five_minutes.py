"""`make five-minutes`: what it reads from the page, and its errors."""

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


def test_the_commands_are_those_below_the_heading():
    """A continued line is part of its command."""
    assert page.commands("First", text=TEXT) == ["one", "two \\\n  more"]
    assert page.block("Second", "yaml", text=TEXT) == "a: 1\n"


@pytest.mark.parametrize(("heading", "language"), [("Second", "sh"), ("Third", "sh"), ("First", "yaml")])
def test_a_heading_without_its_block_is_an_error(heading, language):
    """A changed page cannot make the test skip commands, and a block of another heading is not used."""
    with pytest.raises(ValueError, match=f"^five-minutes.md: no {language} below the heading '{heading}'$"):
        page.block(heading, language, text=TEXT)


def test_the_page_has_all_blocks_that_are_needed():
    """It has each installation method, its preparation, and the configuration of Prometheus with its mount path."""
    for heading in ("A cluster without the platform", *tool.WAYS.values()):
        assert page.commands(heading)

    assert page.block("Prometheus", "yaml").count(walk.MOUNT) == 2
    text = page.PAGE.read_text()
    assert all(f"`{name}`" in text for name in walk.WANTED)


def test_a_component_that_is_missing_is_one_line(monkeypatch, capsys):
    """The line has its name and how to install it."""
    monkeypatch.setattr(components, "find", lambda name: None if name == "kwok" else components.BUILT / name)
    assert tool.main([]) == 2
    assert capsys.readouterr().err == (
        "make five-minutes: kwok is not in .tools/bin and not on PATH: run `make tools`\n"
    )


def test_an_unknown_method_is_one_line(capsys):
    """It lists the valid ones."""
    with pytest.raises(SystemExit) as ended:
        tool.main(["by-hand"])
    assert ended.value.code == 2
    assert "unknown way 'by-hand': kustomize, helm, operator" in capsys.readouterr().err
