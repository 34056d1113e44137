"""The evaluator of the demo gives the results of a real Prometheus for the same scrapes."""

import contextlib
import datetime as dt
import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import promql_parser
import pytest

from lab import promql
from lab.controlplane.plane import ControlPlane
from lab.controlplane.platform_namespace import CLAUDE, PlatformNamespace
from lab.demo.rules import AlertRule, load_rules
from lab.exporting import Exporter
from lab.monitoring.bundle import ALERTS, JOB, TARGET_LABELS
from lab.monitoring.servers import Prometheus
from lab.waiting import until
from tests.integration import samples

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(120)]

RULES = load_rules(ALERTS / "rules").alerts
FIRING = {"RequiredConfigMapUnhealthy"}
"""Rules that need no data of five minutes: Prometheus has just started. Others are compared by their parts."""


class Moment(NamedTuple):
    """A time, the metrics at this time as the demo reads them, and a Prometheus that has stored the same metrics.

    `history` has the earlier scrapes that Prometheus has stored.
    """

    scrape: promql.Scrape
    history: promql.History
    time: float
    prometheus: Prometheus


@pytest.fixture(scope="module")
def moment(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moment]:
    """A platform with all faults that the rules detect, at a time without changes."""
    folder = tmp_path_factory.mktemp("evaluator")
    platform = PlatformNamespace(control_plane, f"rules-{uuid.uuid4().hex[:8]}").open()
    platform.make_run("stalled")
    platform.make_run("patient", annotations={"coderun-exporter/job-creation-deadline": "none"})
    for name in ("hanging", "done"):
        platform.make_job(platform.make_run(name))
        platform.start_job(f"{name}-job")
    platform.finish_job("done-job")
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    completed = {"status": {"phase": "Running", "workCompleted": True, "lastUpdate": now}}
    platform.patch(f"{platform.runs}/hanging/status", completed)
    platform.set_templates({"present.sh": "#!/bin/sh"})
    space = platform.namespace
    settings = {
        # The exporter cannot read the second namespace and the second ConfigMap.
        "namespaces": [space, f"{space}-forbidden"],
        "configmaps": {"namespace": space, "required": [{"name": CLAUDE, "keys": ["absent.sh"]}, "forbidden"]},
        "thresholds": {"job_creation_deadline": "1s", "job_max_runtime": "1s"},
    }
    with contextlib.ExitStack() as stack:
        exporter = Exporter(folder / "exporter", kubeconfig=control_plane.kubeconfig, settings=settings)
        stack.enter_context(exporter)
        prometheus = Prometheus(folder / "prometheus", exporter=exporter.address)
        stack.enter_context(prometheus)
        prometheus.until_scraped()
        target = {"job": JOB, "instance": exporter.address, **TARGET_LABELS}

        def unchanged_metrics() -> str:
            text = exporter.get().text
            same = samples.read(text, target=target) == samples.stored(prometheus.stored())
            return text if same else ""

        text = until(unchanged_metrics, what="Prometheus has stored the current metrics")
        now = time.time()
        yield Moment(promql.parse_scrape(text, target=target), history_of(prometheus, now), now, prometheus)


def history_of(prometheus: Prometheus, now: float) -> promql.History:
    """The scrapes that Prometheus has stored. Series of recording rules have no `job`, and are left out."""
    query = f'{{job="{JOB}"}}[1h]'
    data = prometheus.get("/api/v1/query", query=query, time=f"{now:.6f}")["data"]
    scrapes: dict[float, promql.Scrape] = {}
    for series in data["result"]:
        labels = dict(series["metric"])
        name = labels.pop(promql.NAME)
        for at, value in series["values"]:
            scrapes.setdefault(float(at), promql.Scrape()).add(name=name, labels=labels, value=float(value))
    history = promql.History()
    for at in sorted(scrapes):
        history.add(scrapes[at], at=at)
    return history


def parts_of(tree: Any) -> Iterator[Any]:
    """An expression and its parts except ranges. A rule without a result can be compared by its parts."""
    if not isinstance(tree, promql_parser.MatrixSelector | promql_parser.StringLiteral):
        yield tree
    inner = [getattr(tree, name, None) for name in ("expr", "lhs", "rhs")]
    for part in [*inner, *getattr(tree, "args", ())]:
        if part is not None:
            yield from parts_of(part)


def result_of_demo(tree: Any, moment: Moment) -> dict[promql.Key, float]:
    """The result of the demo. A scalar is a sample without labels."""
    value = promql.evaluate(tree, scrape=moment.scrape, time=moment.time, history=moment.history)
    return (
        {promql.key(each.labels): each.value for each in value} if isinstance(value, list) else {frozenset(): value}
    )


def result_of_prometheus(tree: Any, moment: Moment) -> dict[promql.Key, float]:
    """The result of Prometheus."""
    data = moment.prometheus.get("/api/v1/query", query=str(tree), time=f"{moment.time:.6f}")["data"]
    if data["resultType"] == "scalar":
        return {frozenset(): float(data["result"][1])}
    return {promql.key(each["metric"]): float(each["value"][1]) for each in data["result"]}


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.name}-{index}" for index, rule in enumerate(RULES)])
def test_a_rule_and_its_parts_have_the_result_of_prometheus(moment: Moment, rule: AlertRule):
    """The label sets are equal, and so are the values. Values with the time may differ by a millisecond."""
    parts = list(parts_of(rule.tree))
    assert len(parts) >= 2
    for part in parts:
        expected = result_of_prometheus(part, moment)
        assert result_of_demo(part, moment) == {
            labels: pytest.approx(value, rel=0, abs=0.001) for labels, value in expected.items()
        }
    assert bool(result_of_demo(rule.tree, moment)) is (rule.name in FIRING)
