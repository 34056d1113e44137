"""The alert bundle as it is shipped, with its clocks set faster and its addresses set to this machine.

Expressions, annotations, labels, routes and inhibitions are the bundle's own, to the letter.
"""

import pathlib
import re
from typing import Any, NamedTuple

import yaml

__all__ = [
    "ALERTS",
    "JOB",
    "TARGET_LABELS",
    "Inhibition",
    "alertmanager_config",
    "identity",
    "inhibitions",
    "prometheus_config",
    "shipped_alerts",
    "write_rules",
]

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
JOB = "coderun-exporter"
TARGET_LABELS = {"namespace": "monitoring", "pod": "exporter-0", "container": "exporter"}
"""What a discovery of pods would put on the target: `namespace` and `pod` are also what the page speaks of."""

_FAST = {"for": "1s", "keep_firing_for": "2s"}
_GROUP_TIMES = {"group_wait": "0s", "group_interval": "1s"}


def write_rules(folder: pathlib.Path) -> list[pathlib.Path]:
    """Copies of the rule files with short `interval`, `for` and `keep_firing_for`."""
    copies = []
    for file in sorted((ALERTS / "rules").glob("*.yml")):
        tree = yaml.safe_load(file.read_text())
        for group in tree["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                rule.update({key: short for key, short in _FAST.items() if key in rule})
        copies.append(folder / file.name)
        copies[-1].write_text(yaml.safe_dump(tree))
    return copies


def prometheus_config(
    *, exporter: str, alertmanager: str | None, rules: list[pathlib.Path], scrape: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The static job of `scrape.yml` for `exporter`, every second, with those rules; `scrape` adds to the job."""
    shipped = yaml.safe_load((ALERTS / "scrape.yml").read_text())["scrape_configs"]
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


def alertmanager_config(*, receiver: str) -> dict[str, Any]:
    """The bundle's Alertmanager configuration; each receiver posts to its own path below the URL `receiver`."""
    config = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())
    config["templates"] = [str(ALERTS / template) for template in config["templates"]]
    for route in (config["route"], *config["route"]["routes"]):
        route.update(_GROUP_TIMES)
    for each in config["receivers"]:
        for webhook in each.get("webhook_configs", []):
            webhook["url"] = f"{receiver}/{each['name']}"
        for slack in each.get("slack_configs", []):
            slack["api_url"] = f"{receiver}/{each['name']}"
    return config


def shipped_alerts() -> dict[str, dict[str, Any]]:
    """The alerts of the rule files, by name."""
    files = sorted((ALERTS / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def identity(alert: dict[str, Any]) -> frozenset[str]:
    """The labels that name an alert's object, without those that its rule adds: what all its `by` and `on` keep."""
    kept = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", alert["expr"])
    return frozenset.intersection(*(frozenset(re.findall(r"\w+", labels)) for labels in kept))


class Inhibition(NamedTuple):
    """One alert that silences another where the labels of `equal` agree."""

    source: str
    target: str
    equal: tuple[str, ...]


def inhibitions() -> list[Inhibition]:
    """Every pair of the inhibition rules as they are shipped, which name alerts and nothing else."""
    rules = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())["inhibit_rules"]
    return [
        Inhibition(source, target, tuple(rule["equal"]))
        for rule in rules
        for source in _alertnames(rule["source_matchers"])
        for target in _alertnames(rule["target_matchers"])
    ]


def _alertnames(matchers: list[str]) -> list[str]:
    """The names of `alertname="A"` or `alertname=~"A|B"`, which has to be the only matcher."""
    [matcher] = matchers
    found = re.fullmatch(r'alertname=(?:"(\w+)"|~"(\w+(?:\|\w+)+)")', matcher)
    assert found, matcher
    return (found[1] or found[2]).split("|")
