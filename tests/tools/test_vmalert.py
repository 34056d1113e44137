"""The conversion of promtool's unit tests for vmalert-tool is complete, or an error."""

import json

import pytest

from lab.components import component
from tools.vmalert.bundle import evaluation_order, select_named, split_dependent
from tools.vmalert.convert import ConversionError, convert
from tools.vmalert.epoch import is_time, shift_dates, shift_values
from tools.vmalert.runner import run_tests

RULES = {
    "groups": [
        {
            "name": "g",
            "rules": [
                {
                    "alert": "Old",
                    "expr": "time() - max by (cluster, job) (process_start_time_seconds) > 60",
                    "labels": {"severity": "info"},
                    "annotations": {
                        "summary": "{{ with or $labels.cluster $externalLabels.cluster }}in {{ . }} {{ end }}since "
                        "{{ query `max(process_start_time_seconds)` | first | value | humanizeTimestamp }}"
                    },
                },
                {"alert": "Other", "expr": "vector(1)"},
            ],
        }
    ]
}
ALERT = {
    "exp_labels": {"job": "e", "severity": "info"},
    "exp_annotations": {"summary": "since 1970-01-01 00:00:30 +0000 UTC"},
}


def document(test=(), **changes):
    """A file with one test, as it is read: every scalar is a string."""
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "30s",
        "tests": [
            {
                "name": "a process is old after a minute",
                "input_series": [{"series": 'process_start_time_seconds{job="e"}', "values": "30x10"}],
                "alert_rule_test": [
                    {"alertname": "Old", "eval_time": "1m30s", "exp_alerts": []},
                    {"alertname": "Old", "eval_time": "2m", "exp_alerts": [ALERT]},
                ],
                "promql_expr_test": [
                    {
                        "expr": 'sum without (alertname, severity) (ALERTS{alertstate="firing"})',
                        "eval_time": "2m",
                        "exp_samples": [{"labels": '{alertstate="firing",job="e"}', "value": "1"}],
                    },
                ],
                **dict(test),
            }
        ],
        **changes,
    }


@pytest.fixture
def failures(tmp_path):
    """The output of vmalert-tool for a file of failing tests."""

    def run(tests):
        (tmp_path / "rules.yml").write_text(json.dumps(RULES))
        file = tmp_path / "tests.yml"
        file.write_text(json.dumps(tests))
        return run_tests(file, tool=component("vmalert-tool"))

    return run


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("coderun_created_timestamp{}", True),
        ('job_finished_timestamp_seconds{result="failed"}', True),
        ("job_start_time", True),
        ("process_start_time_seconds", True),
        ("job_deadline_seconds", False),
        ('job_active{of="job_start_time"}', False),
        ("job_start_time:count", False),
    ],
)
def test_a_timestamp_is_known_by_the_name_of_its_metric(series, expected):
    """Durations, label values and counts of timestamps are none."""
    assert is_time(series) is expected


def test_values_of_timestamps_are_shifted():
    """The first value of each sequence is. Steps, repetitions, gaps, stale markers and infinity are not."""
    assert shift_values("0x9 300+60x4 60-1.5x2 -1 0.5 _ _x3 stale Inf") == (
        "946684800x9 946685100+60x4 946684860-1.5x2 946684799 946684800.5 _ _x3 stale Inf"
    )


def test_dates_in_annotations_are_shifted():
    """A date may move to the next day."""
    assert shift_dates("from 1970-01-01 00:00:00 +0000 UTC to 1970-01-02 06:30:00 +0000 UTC") == (
        "from 2000-01-01 00:00:00 +0000 UTC to 2000-01-02 06:30:00 +0000 UTC"
    )


def test_external_labels_are_on_the_series_and_on_the_expected_alerts():
    """Each set of external labels needs its own run, and so do tests that compare no annotations."""
    silent = {"alert_rule_test": []}
    tests = document({"external_labels": {"cluster": "c"}})["tests"] + document()["tests"] + document(silent)["tests"]
    first, second, third = convert(document(tests=tests), groups={"Old": "g"})
    assert [run.external_labels for run in (first, second, third)] == [{"cluster": "c"}, {}, {}]
    assert [run.annotated for run in (first, second, third)] == [True, True, False]
    (test,) = first.tests
    assert test["input_series"][0]["series"] == 'process_start_time_seconds{cluster="c",job="e"}'
    assert test["alert_rule_test"][1]["exp_alerts"][0]["exp_labels"]["cluster"] == "c"
    assert test["metricsql_expr_test"][0]["exp_samples"][0]["labels"].startswith('{cluster="c",')


def test_a_series_keeps_its_own_value_of_an_external_label():
    """The flag is left out then, because vmalert would rename the label of the series to exported_cluster."""
    inputs = [{"series": f'up{{cluster="{name}"}}', "values": "1"} for name in ("c", "d")]
    (run,) = convert(document({"external_labels": {"cluster": "c"}, "input_series": inputs}), groups={"Old": "g"})
    assert not run.external_labels
    assert [series["series"] for series in run.tests[0]["input_series"]] == ['up{cluster="c"}', 'up{cluster="d"}']


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        (document(fuzzy_compare="true"), "fuzzy_compare"),
        (document({"start_timestamp": "5"}), "start_timestamp"),
        (document({"alert_rule_test": [{"alertname": "Odl", "eval_time": "1m"}]}), "Odl"),
    ],
)
def test_a_test_that_cannot_be_converted_is_an_error(tests, message):
    """It has a key that vmalert-tool does not support, or an alert that no rule file has."""
    with pytest.raises(ConversionError, match=message):
        convert(tests, groups={"Old": "g"})


def test_only_the_alerts_of_a_file_are_evaluated_after_recording_rules():
    """The order of the groups is that of the file, if it has one."""
    records = {"name": "records", "rules": [{"record": "a:b:c", "expr": "1"}]}
    (kept,) = select_named(RULES["groups"], text=json.dumps(document()))
    assert [rule["alert"] for rule in kept["rules"]] == ["Old"]
    assert evaluation_order([kept, records]) == ["records", "g"]
    assert evaluation_order([kept, records], given=["g"]) == ["g", "records"]


@pytest.mark.needs("vmalert-tool")
def test_vmalert_tool_finds_that_converted_tests_hold(failures):
    """They have times, dates, labels and the series ALERTS, with and without an external label."""
    cluster = {**ALERT, "exp_annotations": {"summary": f"in c {ALERT['exp_annotations']['summary']}"}}
    assert not failures(document())
    inside = {"alertname": "Old", "eval_time": "2m", "exp_alerts": [cluster]}
    assert not failures(document({"external_labels": {"cluster": "c"}, "alert_rule_test": [inside]}))


@pytest.mark.needs("vmalert-tool")
@pytest.mark.parametrize(
    "wrong",
    [
        {"alert_rule_test": [{"alertname": "Old", "eval_time": "1m30s", "exp_alerts": [ALERT]}]},
        {"alert_rule_test": [{"alertname": "Old", "eval_time": "2m", "exp_alerts": []}]},
        {"promql_expr_test": [{"expr": "up", "eval_time": "2m", "exp_samples": [{"labels": "{}", "value": "1"}]}]},
    ],
)
def test_vmalert_tool_finds_that_wrong_tests_do_not_hold(failures, wrong):
    """An alert too early, a missing alert and a missing sample are failures after the conversion, too."""
    assert "FAILED" in failures(document(wrong))


def test_a_rule_is_evaluated_after_the_rules_that_it_reads():
    """It is moved into a group of its own, which follows in the order of evaluation."""
    first, reads = {"record": "a:count", "expr": "count(a)"}, {"record": "b:count", "expr": "a:count > 1"}
    alert = {"alert": "B", "expr": "b:count > 2"}
    groups = [
        {"name": "alerts", "rules": [{"alert": "A", "expr": "b:count"}]},
        {"name": "g", "rules": [first, reads, alert]},
    ]
    split = split_dependent(groups)
    parts = [("g", [first]), ("g part 2", [reads]), ("g part 3", [alert])]
    assert [(group["name"], group["rules"]) for group in split[1:]] == parts
    assert evaluation_order(split, given=["g", "alerts"]) == ["g", "g part 2", "g part 3", "alerts"]
