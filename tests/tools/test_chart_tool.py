"""`python -m tools.chart`: generated files, and the output for stale files."""

import subprocess

import pytest
import yaml

from lab import fast_yaml
from lab.components import component
from tests.deploy.rendering import CHART, KUSTOMIZE
from tools.chart import __main__ as tool, generate, readme


def test_a_stale_file_is_named_and_then_generated(tmp_path, monkeypatch, capsys):
    """`--check` exits with 1, names changed and removed files, and changes neither."""
    new, old = tmp_path / "files/new.yml", tmp_path / "files/old.yml"
    old.parent.mkdir()
    old.write_text("old\n")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "CHART", tmp_path)
    monkeypatch.setattr(generate, "render_files", lambda: {new: "new\n"})
    assert tool.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"files/{name}.yml is stale: run `make generate`" for name in ("new", "old")
    ]
    assert (new.exists(), old.exists()) == (False, True)
    assert tool.main([]) == 0
    assert (new.read_text(), old.exists()) == ("new\n", False)
    assert tool.main(["--check"]) == 0


def test_every_value_is_in_the_readme():
    """It has its path, its default, and its comment."""
    page = (CHART / "README.md").read_text()
    assert "| `networkPolicy.apiServer.ports` | `[443, 6443]` | The ports of the API server" in page
    for path in ("name", "settings", "image.tag", "dashboards.labels", "env"):
        assert f"| `{path}` | " in page


def test_a_value_without_a_comment_is_an_error(tmp_path):
    """The error has the line and the path."""
    file = tmp_path / "values.yaml"
    file.write_text("# Explained.\na: 1\n\nb:\n  # Explained.\n  c: 1\n  d: 2\n")
    with pytest.raises(ValueError, match=r"^values\.yaml:7: b\.d has no comment$"):
        readme.page(file)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("name", ["static.yml", "pods.yml"])
def test_prometheus_accepts_the_scrape_files(name, tmp_path):
    """They are listed in scrape_config_files, together with the rules."""
    config = {
        "scrape_config_files": [str(KUSTOMIZE / "components/prometheus" / name)],
        "rule_files": [str(CHART / "files/rules/*.yml")],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [component("promtool"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("promtool-2.42")
@pytest.mark.parametrize("name", ["static.yml", "pods.yml"])
def test_the_oldest_prometheus_accepts_the_scrape_jobs_as_a_copy(name, tmp_path):
    """It does not support scrape_config_files. The documentation says to copy the jobs into scrape_configs."""
    file = KUSTOMIZE / "components/prometheus" / name
    for config, accepted in (
        (fast_yaml.load(file.read_text()), True),
        ({"scrape_config_files": [str(file)]}, False),
    ):
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
        done = subprocess.run(
            [component("promtool-2.42"), "check", "config", tmp_path / "prometheus.yml"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        if "field kubernetes_sd_configs not found" in done.stderr + done.stdout:  # as in Debian
            pytest.skip("needs a promtool 2.42 with Kubernetes service discovery: run `make tools`")
        assert (done.returncode == 0) is accepted, done.stderr
