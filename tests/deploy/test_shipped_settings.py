"""The settings that the manifests bring: they set nothing that makes an alert on a healthy platform critical."""

import yaml

from exporter import config_file
from lab import fast_yaml
from tests.deploy.rendering import CHART, KUSTOMIZE


def test_the_manifests_leave_the_run_time_limit_and_the_configmaps_to_the_defaults(tmp_path):
    """A limit that is set makes `AgentJobHanging` critical for healthy runs of 3 h; named ConfigMaps must exist."""
    chart = tmp_path / "chart.yml"
    chart.write_text(yaml.safe_dump(fast_yaml.load((CHART / "values.yaml").read_text())["settings"]))
    for file in (KUSTOMIZE / "base/exporter.yml", chart):
        settings = config_file.load(str(file))
        assert settings.thresholds.job_max_runtime is None, file
        assert not settings.configmaps.named, file
