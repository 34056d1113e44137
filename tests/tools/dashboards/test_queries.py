"""Every query of the dashboards uses metrics and labels that exist, and so do legends and columns."""

import re

import promql_parser
import pytest

from tests.tools.dashboards.labels import TARGET, UnknownLabelError, labels_of, metrics
from tools.dashboards.generate import boards
from tools.dashboards.reading import ALL, annotations_of, choices_of, filled, panels_of

KNOWN = metrics()
PANELS = [(file, panel) for file, text in boards().items() for panel in panels_of(text) if panel.queries]
QUERIES = [(file, panel, target) for file, panel in PANELS for target in panel.queries]
FIELDS = re.compile(r"Value( #[A-Z])?|Time")


def parsed(expression):
    """The syntax tree of a query. All variables are `All`."""
    chosen = dict.fromkeys(("cluster", "namespace", "agent", "coderun", "instance"), ALL)
    return promql_parser.parse(filled(expression, chosen, interval="1m", span="1h"))


@pytest.mark.parametrize(
    ("file", "panel", "target"),
    QUERIES,
    ids=[f"{file}-{panel.title}-{target.ref}" for file, panel, target in QUERIES],
)
def test_a_query_and_its_legend_use_existing_metrics_and_labels(file, panel, target):
    """These are labels of matchers, of `by`, `on` and `group_left`, and of the legend."""
    labels = labels_of(parsed(target.expr), KNOWN)
    assert set(re.findall(r"\{\{(\w+)\}\}", target.legend)) <= labels


@pytest.mark.parametrize(
    ("file", "panel"),
    [(file, panel) for file, panel in PANELS if panel.kind == "table"],
    ids=[f"{file}-{panel.title}" for file, panel in PANELS if panel.kind == "table"],
)
def test_the_columns_of_a_table_are_labels_and_values_of_its_queries(file, panel):
    """Else a column would be empty or have a raw name. All queries have the same labels, by which they are merged."""
    every = [labels_of(parsed(target.expr), KNOWN) for target in panel.queries]
    assert len(set(every)) == 1
    assert "cluster" in every[0], "objects with the same name in two clusters would be one row"
    organize = next(each["options"] for each in panel.tree["transformations"] if each["id"] == "organize")
    titled, hidden = set(organize["renameByName"]), set(organize["excludeByName"])
    assert {name for name in titled | hidden if not FIELDS.fullmatch(name)} == every[0]
    assert not titled & hidden
    titles = set(organize["renameByName"].values())
    assert {each["matcher"]["options"] for each in panel.tree["fieldConfig"]["overrides"]} <= titles
    assert {each["displayName"] for each in panel.tree["options"]["sortBy"]} <= titles
    assert set(re.findall(r"__data\.fields\.(\w+)", str(panel.tree))) <= titles


@pytest.mark.parametrize("file", boards())
def test_variables_and_annotations_use_existing_labels(file):
    """A variable lists values of a label that its series have."""
    text = boards()[file]
    for name, series, label in choices_of(text):
        assert label in labels_of(parsed(series), KNOWN), name
    assert annotations_of(text)
    for expression in annotations_of(text):
        assert "alertname" in labels_of(parsed(expression), KNOWN)


def test_an_unknown_metric_or_label_is_an_error():
    """It may be at any place of an expression."""
    for wrong in (
        "sum(job_actve)",
        'sum(job_active{jobname="x"})',
        "max by (agent) (job_active)",
        "sum without (agent) (job_active)",
        "max by (namespace) (job_active) and on (job_name) job_active",
        "max by (job_name) (job_active) * on (job_name) group_left (agent) max by (job_name) (job_info)",
        'label_replace(up, "a", "$1", "b", ".*")',
    ):
        with pytest.raises(UnknownLabelError):
            labels_of(promql_parser.parse(wrong), KNOWN)
    assert labels_of(promql_parser.parse("job_active"), KNOWN) == {*TARGET, "namespace", "job_name"}
    without = promql_parser.parse("sum without (job, instance) (job_active)")
    assert labels_of(without, KNOWN) == {"cluster", "namespace", "job_name"}


def test_no_query_selects_a_phase():
    """The exception is `other`, for phases that no profile lists. Phases differ between kinds, states do not."""
    phases = {found for _, _, target in QUERIES for found in re.findall(r'phase\W+"([^"]*)"', target.expr)}
    assert phases == {"other"}


def test_every_query_selects_the_scrape_jobs_of_the_exporter():
    """The rules do the same, because another exporter may have metrics with the same names."""
    known = {name for name, labels in KNOWN.items() if "job" in labels} - {"ALERTS", "ALERTS_FOR_STATE"}
    for _, panel, target in QUERIES:
        for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", target.expr):
            assert name not in known or 'job=~".*coderun-exporter.*"' in matchers, (panel.title, target.ref, name)


def test_variables_are_expanded_as_in_grafana():
    """`All` and several values are regular expressions, one value is itself. A missing value is an error."""
    target = 'm{a=~"$a", b=~"$b|", c="$c"}[$__range]'
    chosen = {"a": ALL, "b": ["x.1", "y"], "c": "z"}
    assert filled(target, chosen, interval="1m", span="1h") == 'm{a=~".*", b=~"(x\\\\.1|y)|", c="z"}[1h]'
    with pytest.raises(KeyError):
        filled(target, {"a": ALL}, interval="1m", span="1h")
