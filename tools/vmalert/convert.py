"""Converts unit tests of promtool to unit tests of vmalert-tool.

These differ: the name of `promql_expr_test`; the label `alertgroup`, which vmalert adds to each alert; the year in
which a test starts; functions such as round(), which keep the metric name in MetricsQL; and external labels, which
vmagent adds to the series and vmalert to its alerts.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tools.vmalert.epoch import SECONDS, is_time, shift_dates, shift_values

__all__ = ["ConversionError", "Converted", "convert"]

FILE_KEYS = {"rule_files", "evaluation_interval", "group_eval_order", "tests"}
TEST_KEYS = {"name", "interval", "input_series", "alert_rule_test", "promql_expr_test", "external_labels"}


_RECORDED_TIME = re.compile(r"[\w:]+:(\w+_)?(created|finished)_timestamp")


class ConversionError(Exception):
    """A test cannot be converted; the text says what is not supported."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Converted:
    """Tests for one run of vmalert-tool: they have the same external labels, which are a flag."""

    external_labels: Mapping[str, str]
    annotated: bool
    """Whether a test compares annotations. If not, the rules have no annotations, which halves the time."""
    tests: Sequence[Mapping[str, Any]]


def convert(document: Mapping[str, Any], *, groups: Mapping[str, str]) -> list[Converted]:
    """Converts the tests of a file. All scalars are strings; `groups` maps each alert to its rule group."""
    _check_keys("file", document, FILE_KEYS)
    runs: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for test in document["tests"]:
        external = test.get("external_labels", {})
        interval = test.get("interval", document["evaluation_interval"])
        converted = {"interval": interval, **_test(test, groups=groups, external=external)}
        key = (tuple(_flags(test, external=external)), _is_annotated(test))
        runs.setdefault(key, []).append(converted)
    return [
        Converted(external_labels=dict(labels), annotated=annotated, tests=tests)
        for (labels, annotated), tests in runs.items()
    ]


def _flags(test: Mapping[str, Any], *, external: Mapping[str, str]) -> list[tuple[str, str]]:
    """The external labels that no series has: vmalert would rename such a label of a series to `exported_...`."""
    series = [one["series"] for one in test.get("input_series", [])]
    return [(key, value) for key, value in external.items() if not any(_has_label(one, key) for one in series)]


def _is_annotated(test: Mapping[str, Any]) -> bool:
    cases = test.get("alert_rule_test", [])
    return any(alert.get("exp_annotations") for case in cases for alert in case.get("exp_alerts", []))


def _test(test: Mapping[str, Any], *, groups: Mapping[str, str], external: Mapping[str, str]) -> dict[str, Any]:
    _check_keys("test", test, TEST_KEYS)
    return {
        "name": test.get("name", ""),
        "input_series": [_series(one, external=external) for one in test.get("input_series", [])],
        "alert_rule_test": [_alerts(one, groups, external) for one in test.get("alert_rule_test", [])],
        "metricsql_expr_test": [_samples(one, external=external) for one in test.get("promql_expr_test", [])],
    }


def _series(series: Mapping[str, str], *, external: Mapping[str, str]) -> dict[str, str]:
    name, values = series["series"], series["values"]
    return {
        "series": _with_labels(name, external),
        "values": shift_values(values) if is_time(name) else values,
    }


def _alerts(case: Mapping[str, Any], groups: Mapping[str, str], external: Mapping[str, str]) -> dict[str, Any]:
    if case["alertname"] not in groups:
        raise ConversionError(f"no rule for the alert {case['alertname']}")
    return {
        "eval_time": case["eval_time"],
        "alertname": case["alertname"],
        "groupname": groups[case["alertname"]],
        "exp_alerts": [
            {
                "exp_labels": {**external, **alert.get("exp_labels", {})},
                "exp_annotations": {
                    name: shift_dates(text) for name, text in alert.get("exp_annotations", {}).items()
                },
            }
            for alert in case.get("exp_alerts", [])
        ],
    }


def _samples(case: Mapping[str, Any], *, external: Mapping[str, str]) -> dict[str, Any]:
    expected = case.get("exp_samples", [])
    named = any(not sample.get("labels", "{").startswith("{") for sample in expected)
    dropped = ["alertgroup", *([] if named else ["__name__"])]
    shift = SECONDS if _RECORDED_TIME.fullmatch(case["expr"]) else 0
    return {
        "expr": f"label_del({case['expr']}, {', '.join(repr(label) for label in dropped)})",
        "eval_time": case["eval_time"],
        "exp_samples": [
            {"labels": _with_labels(sample.get("labels", "{}"), external), "value": float(sample["value"]) + shift}
            for sample in expected
        ],
    }


def _with_labels(series: str, labels: Mapping[str, str]) -> str:
    """The series with the labels added that it lacks. Text is enough, because no label value contains a brace."""
    name, _, inside = series.partition("{")
    own = inside.rpartition("}")[0].strip().rstrip(",")
    missing = [f'{key}="{value}"' for key, value in labels.items() if not _has_label(series, key)]
    joined = ",".join([*missing, *([own] if own else [])])
    return f"{name}{{{joined}}}" if joined else name


def _has_label(series: str, label: str) -> bool:
    return bool(re.search(rf"[{{,]\s*{label}\s*=", series))


def _check_keys(what: str, mapping: Mapping[str, Any], known: set[str]) -> None:
    if unknown := set(mapping) - known:
        raise ConversionError(f"vmalert-tool has nothing for {', '.join(sorted(unknown))} of a {what}")
