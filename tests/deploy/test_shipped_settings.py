"""The shipped settings make no alert critical on a healthy platform."""

import yaml

from exporter import config_file
from lab import fast_yaml
from tests.deploy.rendering import CHART, KUSTOMIZE


def test_the_shipped_settings_do_not_set_the_run_time_limit_and_configmaps(tmp_path):
    """With a limit, `AgentJobHanging` is critical for healthy runs of 3 h. ConfigMaps that are named must exist."""
    chart = tmp_path / "chart.yml"
    chart.write_text(yaml.safe_dump(fast_yaml.load((CHART / "values.yaml").read_text())["settings"]))
    for file in (KUSTOMIZE / "base/exporter.yml", chart):
        settings = config_file.load(str(file))
        assert settings.thresholds.job_max_runtime is None, file
        assert not settings.configmaps.named, file
