"""The series that the rules read: the metrics exist, and the selectors have the job of the exporter."""

import re

import promql_parser
import pytest
from prometheus_client.metrics import MetricWrapperBase

from exporter.cache import ObjectCache, Thresholds
from exporter.log_polling.metrics import LogMetrics
from exporter.resources import RESOURCES
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.telemetry import Telemetry
from tests.rules.shipped import RECORDED, RECORDS, RULES, for_each_rule, metrics_of, queries_of, trees_in

ALERT_ABOUT_A_REPLICA = "CodeRunExporterStale"
OWN_JOBS = ".*coderun-exporter.*"


def exporter_metrics():
    """The names of all series that the exporter can expose."""
    telemetry = Telemetry(clock=lambda: 0.0)
    LogMetrics(telemetry.registry)
    LifecycleMetrics(cache=ObjectCache(thresholds=Thresholds()), registry=telemetry.registry, has_logs=True)
    kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    own = {
        f"{metric.name}{suffix}"
        for collector in telemetry.registry._collector_to_names
        if isinstance(collector, MetricWrapperBase)
        for metric in collector.describe()
        for suffix in kinds.get(metric.type, ("",))
    }
    return own | {family.name for resource in RESOURCES for family in resource.families}


def unbound_in(expression):
    """The metrics that an expression selects without the job of the exporter. Recorded series are permitted."""
    for tree in trees_in(promql_parser.parse(expression)):
        if hasattr(tree, "matchers") and tree.name not in RECORDED:
            matchers = [(each.name, each.op, each.value) for each in tree.matchers.matchers]
            if ("job", promql_parser.MatchOp.Re, OWN_JOBS) not in matchers:
                yield tree.name


@for_each_rule()
def test_an_alert_reads_only_metrics_that_exist(rule):
    """These are the metrics of its expression and of the queries in its annotations."""
    queries = [rule["expr"], *queries_of(rule)]
    known = {*exporter_metrics(), *RECORDED, "up", "process_cpu_seconds_total"}
    assert metrics_of(rule["expr"])
    assert set().union(*map(metrics_of, queries)) <= known


@pytest.mark.parametrize("rule", RECORDS, ids=RECORDED)
def test_a_recording_rule_reads_only_metrics_that_exist(rule):
    """It may also read series of earlier recording rules."""
    assert metrics_of(rule["expr"]) <= {*exporter_metrics(), *RECORDED[: RECORDED.index(rule["record"])]}


@pytest.mark.parametrize("rule", [*RULES, *RECORDS], ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_selects_only_series_of_the_exporter(rule):
    """Other targets may have series with the same names. Queries in annotations are checked as well."""
    for expression in [rule["expr"], *(queries_of(rule) if "alert" in rule else ())]:
        assert not list(unbound_in(expression)), expression


@for_each_rule()
def test_an_alert_is_about_an_object_and_not_about_a_replica(rule):
    """No aggregation keeps a label that a rollout changes. Only the alert about a stale replica has its instance."""
    kept = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule["expr"])
    kept_labels = {word.strip() for labels in kept for word in labels.split(",")}
    dropped = re.findall(r"\bwithout\s*\(([^)]*)\)", rule["expr"])
    # One sum for each replica, inside an aggregation over the replicas.
    assert set(dropped) <= {"service, reason", "model"}
    assert not kept_labels & {"pod", "cause", "detail", "state", "problem", "key"}
    assert ("instance" in kept_labels) == (rule["alert"] == ALERT_ABOUT_A_REPLICA)
    assert "cluster" in kept_labels
