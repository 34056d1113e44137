"""Log formats in the settings: in files and in place, and one error line for each invalid one."""

import pytest

from exporter.config import log_formats
from exporter.config_file import load
from exporter.log_formats import shipped_formats
from tests.test_config import the_error, write

FORMATS = "logs:\n  formats:\n"


def test_formats_are_read_from_files_and_from_the_settings(tmp_path):
    """Paths are relative to the settings file. The shipped formats stay."""
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats/ours.yml").write_text("name: ours\nevents:\n- {text: ours ends, last_word: success}\n")
    settings = load(write(tmp_path, f"{FORMATS}  - formats/ours.yml\n  - {{name: other, events: [{{text: x}}]}}"))
    assert [one.name for one in settings.logs.formats] == ["ours", "other"]
    names = [one.format.name for one in log_formats(settings).all]
    assert sorted(names) == sorted(["ours", "other", *(one.format.name for one in shipped_formats().all)])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "  - claude",
            ":3: logs.formats.0: 'claude' is not a file with log formats: its name must end with .yaml or .yml",
        ),
        ("  - 5", ":3: logs.formats.0: expected str | a mapping, got int"),
        (
            "  - name: a\n    events:\n    - {whn: {a: 1}}",
            ":5: unknown key 'logs.formats.0.events.0.whn'; did you mean 'when'?",
        ),
        (
            "  - name: a\n    events:\n    - {text: x, hint: auht}",
            (
                ":5: logs.formats.0.events.0.hint: expected one of auth, usage_limit, rate_limit, overloaded, "
                "max_turns, budget, loop, other; did you mean 'auth'?"
            ),
        ),
        (
            "  - name: a\n    events:\n    - {text: 'x {usd}', cost: {last: used}}",
            ":5: logs.formats.0.events.0.cost: 'used' is not a placeholder of the text; did you mean 'usd'?",
        ),
        (
            "  - {name: a, events: []}\n  - {name: a, events: []}",
            ":4: logs.formats.1: there is another format 'a', see formats.0",
        ),
    ],
)
def test_an_invalid_format_is_reported_with_its_key(tmp_path, text, line):
    """The error also has the line of the settings file."""
    assert the_error(tmp_path, FORMATS + text) == line


def test_a_file_that_does_not_exist_is_reported_at_its_entry(tmp_path):
    """With its path."""
    line = f":4: logs.formats.1: {tmp_path}/b.yml: cannot be read: No such file or directory"
    assert the_error(tmp_path, f"{FORMATS}  - {{name: a, events: []}}\n  - b.yml") == line
