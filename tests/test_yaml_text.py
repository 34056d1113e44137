"""YAML whose aliases or merge keys expand exponentially is rejected with a one-line error in every kind of file."""

import itertools
import pathlib
import string

import pytest
import yaml

from exporter import yaml_text
from exporter.config_file import ConfigError, load
from exporter.kube.errors import KubeConfigError
from exporter.kube.kubeconfig import load_context
from exporter.web_config.format import WebConfigError
from exporter.web_config.reading import read

LINE = "its aliases expand to too many values"


def exponential_yaml(first: str, form: str, *, levels: int = 12) -> str:
    """YAML with `levels` levels, each of which repeats the level before it ten times."""
    names = string.ascii_lowercase[:levels]
    lines = [f"  a: &a {first}"]
    for before, name in itertools.pairwise(names):
        lines.append(f"  {name}: &{name} " + form.format(", ".join([f"*{before}"] * 10)))
    return "\n".join(lines) + "\n"


BOMBS = {
    "merge keys": exponential_yaml("{x: 1}", "{{<<: [{0}]}}"),
    "lists": exponential_yaml("[x]", "[{0}]"),
    "mappings": exponential_yaml("[x]", "{{k: [{0}]}}"),
    "itself": "  a: &a [*a]\n",
    "itself by a merge key": "  a: &a {<<: *a}\n",
    "pairs": "  a: &a {x: {y: *a}}\n",
}


def settings_file(path: pathlib.Path) -> None:
    """Reads the file as settings."""
    load(path)


def web_file(path: pathlib.Path) -> None:
    """Reads the file as a web configuration."""
    read(path)


def kubeconfig(path: pathlib.Path) -> None:
    """Reads the file as a kubeconfig."""
    load_context([path])


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize(
    ("reader", "error", "key"),
    [
        (settings_file, ConfigError, "thresholds"),
        (web_file, WebConfigError, "basic_auth_users"),
        (kubeconfig, KubeConfigError, "preferences"),
    ],
)
def test_exponential_expansion_is_rejected_in_one_line(tmp_path, reader, error, key, bomb):
    """The line names the file. The size is checked before anything is expanded."""
    file = tmp_path / "file"
    file.write_text(f"{key}:\n{BOMBS[bomb]}")
    with pytest.raises(error) as caught:
        reader(file)
    text = str(caught.value)
    assert LINE in text
    assert str(file) in text
    assert "\n" not in text


@pytest.mark.parametrize("deep", ["[" * 10_000, "- " * 10_000, "{a: " * 10_000], ids=["lists", "items", "mappings"])
@pytest.mark.parametrize(
    ("reader", "error"),
    [
        (settings_file, ConfigError),
        (web_file, WebConfigError),
        (kubeconfig, KubeConfigError),
    ],
)
def test_deep_nesting_is_rejected_in_one_line(tmp_path, reader, error, deep):
    """This also holds for libyaml, whose recursion Python does not limit."""
    file = tmp_path / "file"
    file.write_text(deep)
    with pytest.raises(error) as caught:
        reader(file)
    assert "\n" not in str(caught.value)


def test_small_aliases_and_merge_keys_are_expanded():
    """The result is that of `yaml.safe_load`."""
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n"
    small = {"x": 1, "y": 2}
    assert yaml_text.load(text) == {"a": small, "b": {"x": 1, "y": 3}, "c": [small, small]}


def test_a_second_document_is_an_error_where_only_one_is_expected():
    """With `single=False` the first document is returned, as for a kubeconfig."""
    with pytest.raises(yaml.YAMLError, match="single document"):
        yaml_text.load("a: 1\n---\nb: 2\n")
    assert yaml_text.load("a: 1\n---\nb: 2\n", single=False) == {"a": 1}
    assert yaml_text.load("") is None
    assert yaml_text.load("", single=False) is None
