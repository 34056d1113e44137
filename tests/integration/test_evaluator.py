"""The demo's evaluator of alert rules against the real one, over the same scrapes at the same moment."""

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
from lab.controlplane.workplace import CLAUDE, Workplace
from lab.demo.rules import AlertRule, load_rules
from lab.exporting import Exporter
from lab.monitoring.bundle import ALERTS, JOB, TARGET_LABELS
from lab.monitoring.servers import Prometheus
from lab.waiting import until
from tests.integration import samples

pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.timeout(120)]

RULES = load_rules(ALERTS / "rules").alerts
FIRING = {"RequiredConfigMapUnhealthy"}
"""What needs no five minutes of past: Prometheus has just begun to scrape. The others are compared by their parts."""


class Moment(NamedTuple):
    """One moment: the page as the demo reads it, the time, and the Prometheus that has stored just that page.

    `history` holds what Prometheus has stored of the scrapes before it.
    """

    page: promql.Page
    history: promql.History
    time: float
    prometheus: Prometheus


@pytest.fixture(scope="module")
def moment(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moment]:
    """A platform in trouble of every sort that the rules know, seen when nothing changes."""
    folder = tmp_path_factory.mktemp("evaluator")
    place = Workplace(control_plane, f"rules-{uuid.uuid4().hex[:8]}").open()
    place.make_run("stalled")
    place.make_run("patient", annotations={"coderun-exporter/job-creation-deadline": "none"})
    for name in ("hanging", "done"):
        place.make_job(place.make_run(name))
        place.start_job(f"{name}-job")
    place.finish_job("done-job")
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    completed = {"status": {"phase": "Running", "workCompleted": True, "lastUpdate": now}}
    place.ask("PATCH", f"{place.runs}/hanging/status", completed, content_type="application/merge-patch+json")
    place.set_templates({"present.sh": "#!/bin/sh"})
    space = place.namespace
    settings = {
        # The exporter may not read the second namespace, and not the second ConfigMap.
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

        def quiet_page() -> str:
            page = exporter.get().text
            same = samples.read(page, target=target) == samples.stored(prometheus.stored())
            return page if same else ""

        page = until(quiet_page, what="Prometheus has stored the page")
        now = time.time()
        yield Moment(promql.read_page(page, target=target), history_of(prometheus, now), now, prometheus)


def history_of(prometheus: Prometheus, now: float) -> promql.History:
    """The scrapes as Prometheus has stored them; what rules have made of them has no `job`."""
    query = f'{{job="{JOB}"}}[1h]'
    data = prometheus.get("/api/v1/query", query=query, time=f"{now:.6f}")["data"]
    pages: dict[float, promql.Page] = {}
    for series in data["result"]:
        labels = dict(series["metric"])
        name = labels.pop(promql.NAME)
        for at, value in series["values"]:
            pages.setdefault(float(at), promql.Page()).add(name=name, labels=labels, value=float(value))
    history = promql.History()
    for at in sorted(pages):
        history.add(pages[at], at=at)
    return history


def parts_of(tree: Any) -> Iterator[Any]:
    """An expression and all that it is made of but ranges: a rule without a result can be compared by its parts."""
    if not isinstance(tree, promql_parser.MatrixSelector | promql_parser.StringLiteral):
        yield tree
    inner = [getattr(tree, name, None) for name in ("expr", "lhs", "rhs")]
    for part in [*inner, *getattr(tree, "args", ())]:
        if part is not None:
            yield from parts_of(part)


def ours(tree: Any, moment: Moment) -> dict[promql.Key, float]:
    """What the demo makes of it; a number is the one sample without labels."""
    value = promql.evaluate(tree, page=moment.page, time=moment.time, history=moment.history)
    return (
        {promql.key(each.labels): each.value for each in value} if isinstance(value, list) else {frozenset(): value}
    )


def theirs(tree: Any, moment: Moment) -> dict[promql.Key, float]:
    """What Prometheus makes of it."""
    data = moment.prometheus.get("/api/v1/query", query=str(tree), time=f"{moment.time:.6f}")["data"]
    if data["resultType"] == "scalar":
        return {frozenset(): float(data["result"][1])}
    return {promql.key(each["metric"]): float(each["value"][1]) for each in data["result"]}


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.name}-{index}" for index, rule in enumerate(RULES)])
def test_a_rule_and_each_part_of_it_give_what_prometheus_gives(moment: Moment, rule: AlertRule):
    """The same label sets and, to a millisecond where the time is in it, the same values."""
    parts = list(parts_of(rule.tree))
    assert len(parts) >= 2
    for part in parts:
        wanted = theirs(part, moment)
        assert ours(part, moment) == {
            labels: pytest.approx(value, rel=0, abs=0.001) for labels, value in wanted.items()
        }
    assert bool(ours(rule.tree, moment)) is (rule.name in FIRING)
