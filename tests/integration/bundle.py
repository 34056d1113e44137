"""The alert bundle as it is shipped, with its clocks set faster and its addresses set to this machine.

Annotations, labels, routes and inhibitions are the bundle's own, to the letter; so are the expressions, but for the
waits in them.
"""

import pathlib
import re
from typing import Any, NamedTuple

import yaml

from tests.integration.clocks import faster
from tools.mutate.reach import labels_of
from tools.mutate.reading import parse
from tools.mutate.tree import Binary, Call, Node, Parentheses, Selector, is_scalar

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
    "shipped_entries",
    "write_rules",
]

ALERTS = pathlib.Path(__file__).resolve().parents[2] / "alerts"
JOB = "coderun-exporter"
TARGET_LABELS = {"namespace": "monitoring", "pod": "exporter-0", "container": "exporter"}
"""What a discovery of pods would put on the target: `namespace` and `pod` are also what the page speaks of."""

_FAST = {"for": "1s", "keep_firing_for": "2s"}
_GROUP_TIMES = {"group_wait": "0s", "group_interval": "1s"}


def write_rules(folder: pathlib.Path) -> list[pathlib.Path]:
    """Copies of the rule files with short `interval`, `for` and `keep_firing_for`, and with short waits."""
    copies = []
    for file in sorted((ALERTS / "rules").glob("*.yml")):
        tree = yaml.safe_load(file.read_text())
        for group in tree["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                rule.update({key: short for key, short in _FAST.items() if key in rule})
                rule["expr"] = faster(rule["expr"])
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


def shipped_entries() -> list[dict[str, Any]]:
    """The alerts of the rule files in their order: several entries of one name where it has several severities."""
    return [rule for rule in _shipped_rules() if "alert" in rule]


def shipped_alerts() -> dict[str, dict[str, Any]]:
    """The first entry of each alert, by name."""
    return {rule["alert"]: rule for rule in reversed(shipped_entries())}


def identity(alert: dict[str, Any]) -> frozenset[str]:
    """The labels that name an alert's object, without those that its rule adds: what its expression leaves."""
    recorded = {rule["record"]: rule["expr"] for rule in _shipped_rules() if "record" in rule}
    labels = _labels(parse(alert["expr"]), recorded)
    assert labels is not None, alert["expr"]
    return labels


class Inhibition(NamedTuple):
    """One entry of an alert that silences another entry where the labels of `equal` agree."""

    source: dict[str, Any]
    target: dict[str, Any]
    equal: tuple[str, ...]

    def __str__(self) -> str:
        return " > ".join(_words(entry) for entry in (self.source, self.target))


def inhibitions() -> list[Inhibition]:
    """Every pair of entries that an inhibition rule of the bundle can bring together."""
    rules = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())["inhibit_rules"]
    return [
        Inhibition(source, target, tuple(rule["equal"]))
        for rule in rules
        for source in _matching(rule["source_matchers"])
        for target in _matching(rule["target_matchers"])
        if "alertname" not in rule["equal"] or source["alert"] == target["alert"]
        if source != target
    ]


def _words(entry: dict[str, Any]) -> str:
    labels = entry["labels"]
    return " ".join(
        [entry["alert"], labels["severity"], *([labels["explained_by"]] if "explained_by" in labels else [])]
    )


def _matching(matchers: list[str]) -> list[dict[str, Any]]:
    """The entries whose name and fixed labels fit all of `label="A"` and `label=~"A|B"`."""
    found = [re.fullmatch(r'(\w+)=(~?)"(\w+(?:\|\w+)*)"', matcher) for matcher in matchers]
    assert all(found), matchers
    wanted = {one[1]: one[3].split("|") if one[2] else [one[3]] for one in found if one}
    entries = shipped_entries()
    known = {"alertname": {entry["alert"] for entry in entries}}
    for label in wanted:
        values = known.get(label) or {entry["labels"].get(label) for entry in entries}
        assert set(wanted[label]) <= values, matchers
    return [
        entry
        for entry in entries
        if all(
            {"alertname": entry["alert"], **entry["labels"]}.get(label) in values for label, values in wanted.items()
        )
    ]


def _shipped_rules() -> list[dict[str, Any]]:
    files = sorted((ALERTS / "rules").glob("*.yml"))
    return [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def _labels(node: Node, recorded: dict[str, str]) -> frozenset[str] | None:
    """The labels that the series of an expression can have, as far as aggregations and joins fix them."""
    if isinstance(node, Selector) and node.name in recorded:
        return _labels(parse(recorded[node.name]), recorded)
    if isinstance(node, Parentheses):
        return _labels(node.inner, recorded)
    if isinstance(node, Call) and node.function in {"absent", "absent_over_time"}:
        return frozenset()
    if isinstance(node, Binary) and node.operator == "or":
        sides = [_labels(side, recorded) for side in (node.left, node.right)]
        return None if None in sides else frozenset[str]().union(*(side for side in sides if side is not None))
    if isinstance(node, Binary) and (node.operator in {"and", "unless"} or is_scalar(node.right)):
        return _labels(node.left, recorded)
    if isinstance(node, Binary) and is_scalar(node.left):
        return _labels(node.right, recorded)
    known = labels_of(node)
    if known is None and isinstance(node, Binary) and not node.matching.keyword:
        return _labels(node.left, recorded)
    return known
