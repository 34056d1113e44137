"""Every query of the dashboards: PromQL, over metrics and labels that exist, shown by names that it has."""

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
    """The syntax tree of a query with every variable at `All`."""
    chosen = dict.fromkeys(("cluster", "namespace", "agent", "coderun", "instance"), ALL)
    return promql_parser.parse(filled(expression, chosen, interval="1m", span="1h"))


@pytest.mark.parametrize(
    ("file", "panel", "target"),
    QUERIES,
    ids=[f"{file}-{panel.title}-{target.ref}" for file, panel, target in QUERIES],
)
def test_a_query_reads_what_exists_and_its_legend_names_what_it_has(file, panel, target):
    """Metrics, the labels of matchers, of `by`, `on` and `group_left`, and those between the braces of a legend."""
    labels = labels_of(parsed(target.expr), KNOWN)
    assert set(re.findall(r"\{\{(\w+)\}\}", target.legend)) <= labels


@pytest.mark.parametrize(
    ("file", "panel"),
    [(file, panel) for file, panel in PANELS if panel.kind == "table"],
    ids=[f"{file}-{panel.title}" for file, panel in PANELS if panel.kind == "table"],
)
def test_a_tables_columns_are_labels_and_values_that_its_queries_have(file, panel):
    """Else a column is empty, or one has a raw name. All queries have the same labels, by which they merge."""
    every = [labels_of(parsed(target.expr), KNOWN) for target in panel.queries]
    assert len(set(every)) == 1
    assert "cluster" in every[0], "objects of one name in two clusters would be one row"
    organize = next(each["options"] for each in panel.tree["transformations"] if each["id"] == "organize")
    titled, hidden = set(organize["renameByName"]), set(organize["excludeByName"])
    assert {name for name in titled | hidden if not FIELDS.fullmatch(name)} == every[0]
    assert not titled & hidden
    titles = set(organize["renameByName"].values())
    assert {each["matcher"]["options"] for each in panel.tree["fieldConfig"]["overrides"]} <= titles
    assert {each["displayName"] for each in panel.tree["options"]["sortBy"]} <= titles
    assert set(re.findall(r"__data\.fields\.(\w+)", str(panel.tree))) <= titles


@pytest.mark.parametrize("file", boards())
def test_variables_and_annotations_ask_for_what_exists(file):
    """The label that a variable lists is one of its series', or of the target."""
    text = boards()[file]
    for name, series, label in choices_of(text):
        assert label in labels_of(parsed(series), KNOWN), name
    assert annotations_of(text)
    for expression in annotations_of(text):
        assert "alertname" in labels_of(parsed(expression), KNOWN)


def test_a_metric_or_label_that_does_not_exist_is_refused():
    """Wherever it stands."""
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
    """But `other`, a phase that no profile lists. Phases differ between kinds, states do not."""
    phases = {found for _, _, target in QUERIES for found in re.findall(r'phase\W+"([^"]*)"', target.expr)}
    assert phases == {"other"}


def test_every_query_about_the_exporters_series_selects_its_scrape_jobs():
    """As the rules do, so that a metric of the same name of another exporter is not mixed in."""
    known = {name for name, labels in KNOWN.items() if "job" in labels} - {"ALERTS", "ALERTS_FOR_STATE"}
    for _, panel, target in QUERIES:
        for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", target.expr):
            assert name not in known or 'job=~".*coderun-exporter.*"' in matchers, (panel.title, target.ref, name)


def test_variables_are_written_as_grafana_writes_them():
    """`All` is its pattern, one value is itself, several are one pattern; one that is not chosen is an error."""
    target = 'm{a=~"$a", b=~"$b|", c="$c"}[$__range]'
    chosen = {"a": ALL, "b": ["x.1", "y"], "c": "z"}
    assert filled(target, chosen, interval="1m", span="1h") == 'm{a=~".*", b=~"(x\\\\.1|y)|", c="z"}[1h]'
    with pytest.raises(KeyError):
        filled(target, {"a": ALL}, interval="1m", span="1h")
