"""Computes the labels that the result of a PromQL expression can have, from the labels of its metrics.

A label that cannot exist, such as a misspelled one in `by`, `on` or a matcher, is an error.
"""

from collections.abc import Mapping
from typing import Any

import promql_parser
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from exporter.cache import ObjectCache, Thresholds
from exporter.log_polling.metrics import LogMetrics
from exporter.resources import RESOURCES
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.telemetry import Telemetry
from lab import fast_yaml
from lab.monitoring.bundle import ALERTS, shipped_entries

__all__ = ["UnknownLabelError", "labels_of", "metrics"]

TARGET = frozenset({"cluster", "job", "instance"})
OVERRIDDEN = frozenset({"exported_namespace"})
"""Labels of scrapes without `honor_labels`. Only matchers may name them."""
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
_SETS = {"and", "unless"}


class UnknownLabelError(Exception):
    """An expression uses a label or a metric that does not exist."""


def metrics() -> dict[str, frozenset[str]]:
    """All series that dashboards can query, with their labels: of the exporter, recording rules and Prometheus."""
    known = {
        family.name: TARGET | {*resource.label_names, *family.label_names}
        for resource in RESOURCES
        for family in resource.families
    }
    telemetry = Telemetry(clock=lambda: 0.0)
    counted = CollectorRegistry()
    LogMetrics(counted)
    LifecycleMetrics(cache=ObjectCache(thresholds=Thresholds()), registry=counted, has_logs=True)
    for registry in (telemetry.registry, counted):
        known |= _registered(registry)
    known |= dict.fromkeys(("up", "scrape_duration_seconds", "scrape_samples_scraped"), TARGET)
    known |= dict.fromkeys((f"process_{name}" for name in _PROCESS), TARGET)
    known |= _recorded(known)
    return known | _alerts(known)


_PROCESS = ("cpu_seconds_total", "resident_memory_bytes", "start_time_seconds")
"""Metrics of prometheus-client's ProcessCollector, which does not describe them."""


def labels_of(tree: Any, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The labels of the result of an expression. Raises UnknownLabelError."""
    if isinstance(tree, promql_parser.VectorSelector):
        return _selected(tree, known)
    if isinstance(tree, promql_parser.AggregateExpr):
        return _aggregated(tree, labels_of(tree.expr, known))
    if isinstance(tree, promql_parser.BinaryExpr):
        return _joined(tree, labels_of(tree.lhs, known), labels_of(tree.rhs, known))
    if isinstance(tree, promql_parser.Call):
        return _called(tree, known)
    inner = getattr(tree, "expr", None) or getattr(tree, "vector_selector", None)
    return labels_of(inner, known) if inner is not None else frozenset()


def _selected(tree: Any, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    if tree.name not in known:
        raise UnknownLabelError(f"no metric {tree.name}")
    _need({matcher.name for matcher in tree.matchers.matchers} - OVERRIDDEN, known[tree.name], tree)
    return known[tree.name]


def _aggregated(tree: Any, inner: frozenset[str]) -> frozenset[str]:
    named = frozenset(tree.modifier.labels) if tree.modifier else frozenset()
    _need(named, inner, tree)
    if str(tree.op) in {"topk", "bottomk"}:
        return inner
    without = tree.modifier is not None and str(tree.modifier.type).endswith("Without")
    return inner - named if without else named


def _joined(tree: Any, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    how, op = tree.modifier, str(tree.op)
    scalar = not left or not right
    if how is not None and how.matching is not None and "Include" in str(how.matching.type):
        _need(set(how.matching.labels), left, tree)
        _need(set(how.matching.labels), right, tree)
    if op in _SETS:
        return left
    if op == "or":
        return left | right
    card = str(how.card) if how is not None else ""
    kept = frozenset(how.group_labels or ()) if how is not None and hasattr(how, "group_labels") else frozenset()
    if "ManyToOne" in card:
        _need(kept, right, tree)
        return left | kept
    if "OneToMany" in card:
        _need(kept, left, tree)
        return right | kept
    if how is not None and how.matching is not None and "Include" in str(how.matching.type):
        return frozenset(how.matching.labels)
    return left | right if scalar else left & right


def _called(tree: Any, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    inner = frozenset[str]().union(*(labels_of(argument, known) for argument in tree.args))
    if tree.func.name == "histogram_quantile":
        return inner - {"le"}
    texts = [argument.val for argument in tree.args if isinstance(argument, promql_parser.StringLiteral)]
    if tree.func.name == "label_replace":
        _need({texts[2]} - {""}, inner, tree)
        return inner | {texts[0]}
    if tree.func.name == "label_join":
        _need(set(texts[2:]), inner, tree)
        return inner | {texts[0]}
    return inner


def _need(needed: set[str] | frozenset[str], there: frozenset[str], tree: Any) -> None:
    if missing := needed - there:
        raise UnknownLabelError(f"no label {', '.join(sorted(missing))} in: {tree}")


def _registered(registry: CollectorRegistry) -> dict[str, frozenset[str]]:
    found = {}
    for collector in registry._collector_to_names:
        if isinstance(collector, MetricWrapperBase):
            (metric,) = collector.describe()
            for suffix in _SUFFIXES.get(metric.type, ("",)):
                more = {"le"} if suffix == "_bucket" else set()
                found[f"{metric.name}{suffix}"] = TARGET | {*collector._labelnames} | more
    return found


def _recorded(known: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for file in sorted((ALERTS / "rules").glob("*.yml")):
        for group in fast_yaml.load(file.read_text())["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    found[rule["record"]] = labels_of(promql_parser.parse(rule["expr"]), {**known, **found})
    return found


def _alerts(known: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The labels of all alerts, which are those of their expressions. absent_over_time() and others have fewer."""
    of_all = {"alertname", "severity", "component"}
    for alert in shipped_entries():
        of_all |= labels_of(promql_parser.parse(alert["expr"]), known)
    return {"ALERTS": frozenset(of_all | {"alertstate"}), "ALERTS_FOR_STATE": frozenset(of_all)}
