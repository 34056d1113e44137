"""The chart's scrape jobs: for the Prometheus Operator and for a plain Prometheus."""

import pytest

from lab import fast_yaml
from tests.deploy.rendering import charted, of_kind, one

pytestmark = [pytest.mark.needs("helm"), pytest.mark.timeout(60)]


def test_the_scrape_jobs_find_the_release_and_are_called_as_it_is():
    """Its Service's name in its namespace, or its pods and not those of another; so each part is missed by itself."""
    values = {"name": "coderun-exporter-east", "prometheus": {"enabled": True}}
    maps = {
        item["metadata"]["name"]: item["data"] for item in of_kind(charted(values, "--namespace=east"), "ConfigMap")
    }
    jobs = maps["coderun-exporter-east-scrape"]
    [static], [pods] = (fast_yaml.load(jobs[name])["scrape_configs"] for name in ("static.yml", "pods.yml"))
    assert static["job_name"] == pods["relabel_configs"][-1]["replacement"] == "coderun-exporter-east"
    assert static["static_configs"] == [{"targets": ["coderun-exporter-east.east.svc:10911"]}]
    [selector] = pods["kubernetes_sd_configs"][0]["selectors"]
    found = one(charted(values), "Deployment")["spec"]["selector"]["matchLabels"]
    assert dict(pair.split("=") for pair in selector["label"].split(",")) == found
    assert static["honor_labels"] is pods["honor_labels"] is True


def test_the_scrape_path_is_the_settings():
    """The ServiceMonitor asks where the exporter answers."""
    values = {"serviceMonitor": {"enabled": True}, "settings": {"web": {"telemetry_path": "/m"}}}
    assert one(charted(values), "ServiceMonitor")["spec"]["endpoints"][0]["path"] == "/m"


def test_scrapes_are_told_of_tls_and_passwords():
    """For the Operator and for a plain Prometheus, over what is there: nothing is named twice."""
    values = {
        "serviceMonitor": {"enabled": True, "endpoint": {"scheme": "https", "interval": "15s"}},
        "prometheus": {"enabled": True, "scrape": {"scheme": "https", "scrape_interval": "15s"}},
    }
    objects = charted(values)
    [endpoint] = one(objects, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint == {
        "port": "metrics",
        "path": "/metrics",
        "honorLabels": True,
        "scheme": "https",
        "interval": "15s",
        "scrapeTimeout": "10s",
    }
    [jobs] = [item["data"] for item in of_kind(objects, "ConfigMap") if item["metadata"]["name"].endswith("-scrape")]
    for name in ("static.yml", "pods.yml"):
        [job] = fast_yaml.load(jobs[name])["scrape_configs"]
        assert (job["scheme"], job["scrape_interval"], job["honor_labels"]) == ("https", "15s", True)
