"""The shipped rules and the Alertmanager configuration, with shorter times and local addresses.

Annotations, labels, routes and inhibitions are unchanged. In expressions, only the times are shorter.
"""

import pathlib
from typing import Any

import yaml

from lab import fast_yaml
from lab.monitoring.clocks import faster

__all__ = [
    "ALERTS",
    "JOB",
    "TARGET_LABELS",
    "alertmanager_config",
    "at_once",
    "prometheus_config",
    "shipped_alerts",
    "shipped_entries",
    "shipped_rules",
    "write_rules",
]

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
JOB = "coderun-exporter"
TARGET_LABELS = {"namespace": "monitoring", "pod": "exporter-0", "container": "exporter"}
"""Labels that service discovery would add to the target; `namespace` and `pod` are also labels of exposed series."""

_FAST = {"for": "1s", "keep_firing_for": "2s"}
_GROUP_TIMES = {"group_wait": "0s", "group_interval": "1s"}


def write_rules(folder: pathlib.Path, *, waits_as_shipped: bool = False) -> list[pathlib.Path]:
    """Writes copies of the rule files with short times: `interval`, `for`, `keep_firing_for`, and in expressions.

    With `waits_as_shipped`, the expressions are unchanged.
    """
    copies = []
    for file in sorted((ALERTS / "rules").glob("*.yml")):
        tree = fast_yaml.load(file.read_text())
        for group in tree["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                rule.update({key: short for key, short in _FAST.items() if key in rule})
                if not waits_as_shipped:
                    rule["expr"] = faster(rule["expr"])
        copies.append(folder / file.name)
        copies[-1].write_text(yaml.safe_dump(tree))
    return copies


def prometheus_config(
    *, exporter: str, alertmanager: str | None, rules: list[pathlib.Path], scrape: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A configuration with the static job of `scrape.yml`, scraped every second. `scrape` adds fields to the job."""
    shipped = fast_yaml.load((ALERTS / "scrape.yml").read_text())["scrape_configs"]
    job = next(job for job in shipped if "static_configs" in job)
    assert job["job_name"] == JOB
    targets = [{"targets": [exporter], "labels": TARGET_LABELS}]
    fast = {"scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": targets}
    return {
        "global": {"evaluation_interval": "1s", "external_labels": {"cluster": "loopback"}},
        "rule_files": [str(file) for file in rules],
        "scrape_configs": [job | fast | (scrape or {})],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager] if alertmanager else []}]}]},
    }


def alertmanager_config(*, receiver: str, webhooks: bool = False) -> dict[str, Any]:
    """The shipped Alertmanager configuration. Each receiver posts to its own path below the URL `receiver`.

    `webhooks`: a chat receives its notifications as a webhook as well, with their labels and annotations.
    """
    config = at_once(fast_yaml.load((ALERTS / "alertmanager.yml").read_text()))
    config["templates"] = [str(ALERTS / template) for template in config["templates"]]
    for each in config["receivers"]:
        if webhooks and "slack_configs" in each:
            each["webhook_configs"] = [{}]
        for webhook in each.get("webhook_configs", []):
            webhook["url"] = f"{receiver}/{each['name']}"
        for slack in each.get("slack_configs", []):
            slack["api_url"] = f"{receiver}/{each['name']}"
    return config


def at_once(config: dict[str, Any]) -> dict[str, Any]:
    """The Alertmanager configuration without waiting times (`group_wait`, `group_interval`)."""
    routes = [config["route"]]
    for route in routes:  # the loop appends nested routes
        route.update(_GROUP_TIMES)
        routes += route.get("routes", [])
    return config


def shipped_rules() -> list[dict[str, Any]]:
    """The rules of the rule files, in order."""
    files = sorted((ALERTS / "rules").glob("*.yml"))
    return [rule for file in files for group in fast_yaml.load(file.read_text())["groups"] for rule in group["rules"]]


def shipped_entries() -> list[dict[str, Any]]:
    """The alerting rules, in order. An alert with several severities has several rules."""
    return [rule for rule in shipped_rules() if "alert" in rule]


def shipped_alerts() -> dict[str, dict[str, Any]]:
    """The first rule of each alert, by name."""
    return {rule["alert"]: rule for rule in reversed(shipped_entries())}
