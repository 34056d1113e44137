"""What the rules ask of Prometheus: metrics that exist, of the exporter's own scrape jobs, by object."""

import re

import promql_parser
import pytest
from prometheus_client.metrics import MetricWrapperBase

from exporter.cache import ObjectCache, Thresholds
from exporter.resources import RESOURCES
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.telemetry import Telemetry
from tests.rules.shipped import RECORDED, RECORDS, RULES, by_entry, metrics_of, queries_of, trees_in

ABOUT_A_REPLICA = "CodeRunExporterStale"
OWN_JOBS = ".*coderun-exporter.*"


def page_metrics():
    """Every metric that the exporter can show, by the names of its series."""
    telemetry = Telemetry(clock=lambda: 0.0)
    LifecycleMetrics(cache=ObjectCache(thresholds=Thresholds()), registry=telemetry.registry)
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
    """Every metric that an expression selects from other scrape jobs too, recorded series left out."""
    for tree in trees_in(promql_parser.parse(expression)):
        if hasattr(tree, "matchers") and tree.name not in RECORDED:
            matchers = [(each.name, each.op, each.value) for each in tree.matchers.matchers]
            if ("job", promql_parser.MatchOp.Re, OWN_JOBS) not in matchers:
                yield tree.name


@by_entry()
def test_an_alert_reads_only_metrics_that_exist(rule):
    """Of its expression and of the queries in its annotations."""
    asked = [rule["expr"], *queries_of(rule)]
    known = {*page_metrics(), *RECORDED, "up", "process_cpu_seconds_total"}
    assert metrics_of(rule["expr"])
    assert set().union(*map(metrics_of, asked)) <= known


@pytest.mark.parametrize("rule", RECORDS, ids=RECORDED)
def test_a_recording_rule_reads_only_metrics_that_exist(rule):
    """Those of the page, or recorded before."""
    assert metrics_of(rule["expr"]) <= {*page_metrics(), *RECORDED[: RECORDED.index(rule["record"])]}


@pytest.mark.parametrize("rule", [*RULES, *RECORDS], ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_reads_series_of_the_exporters_own_scrape_jobs_alone(rule):
    """In its expression and in its annotations: another target may have series of the same names."""
    for expression in [rule["expr"], *(queries_of(rule) if "alert" in rule else ())]:
        assert not list(unbound_in(expression)), expression


@by_entry()
def test_an_alert_is_about_an_object_and_not_about_the_replica_that_saw_it(rule):
    """No aggregation keeps what changes with a rollout; only the staleness of a replica names that replica."""
    kept = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", rule["expr"])
    words = {word.strip() for labels in kept for word in labels.split(",")}
    dropped = re.findall(r"\bwithout\s*\(([^)]*)\)", rule["expr"])
    assert set(dropped) <= {"service, reason"}  # a sum for each replica, below an aggregation over them
    assert not words & {"pod", "cause", "detail", "state", "problem", "key"}
    assert ("instance" in words) == (rule["alert"] == ABOUT_A_REPLICA)
    assert "cluster" in words
