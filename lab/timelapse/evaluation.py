"""Evaluates the shipped rules over recorded series with promtool, to find the alerts that fire, and their texts."""

import collections
import dataclasses
import datetime as dt
import json
import os
import pathlib
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import promql_parser

from lab import fast_yaml
from lab.components import MissingComponentError, component
from lab.timelapse.series import Recorder

__all__ = [
    "RULES",
    "STEP",
    "EvaluationError",
    "Firing",
    "case_of",
    "evaluation_order",
    "metrics_of",
    "texts",
    "verdict",
]

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "alerts" / "rules"
STEP = 30
"""Seconds between two scrapes, and between two evaluations."""
_FIRING = 'sum without (alertstate) (ALERTS{alertstate="firing"})'
_SAMPLE = re.compile(r'\{((?:\w+="(?:\\.|[^"\\])*"(?:, )?)*)\} ([^\s,]+)')
_GOT = re.compile(
    r'Labels:(\{(?:\w+="(?:\\.|[^"\\])*"(?:, )?)*\})\s+Annotations:(\{(?:\w+="(?:\\.|[^"\\])*"(?:, )?)*\})'
)
_PAIR = re.compile(r'(\w+)=("(?:\\.|[^"\\])*")')


class EvaluationError(Exception):
    """promtool failed. The text is its output."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Firing:
    """An alert that fired: its labels, its first and last evaluation (seconds since the epoch), and their number."""

    alert: str
    labels: Mapping[str, str]
    first: float
    last: float
    evaluations: int = 0


def metrics_of(folder: pathlib.Path = RULES) -> set[str]:
    """Every metric that a rule selects, in its expression or in the queries of its annotations."""
    texts = "\n".join(file.read_text("utf-8") for file in sorted(folder.glob("*.yml")))
    files = [fast_yaml.load(file.read_text("utf-8")) for file in sorted(folder.glob("*.yml"))]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    names = {name for rule in rules for name in _metric_names(promql_parser.parse(rule["expr"]))}
    return names | set(re.findall(r"\b((?:coderun|job|jobs|configmap)_\w+)\{", texts))


def verdict(
    recorder: Recorder, *, start: float, first: int, last: int, step: int = STEP, every: int = 1
) -> list[Firing]:
    """All alerts that fire between the scrapes `first` and `last`. Raises EvaluationError.

    `start`: the time of scrape 0. `step`: seconds between scrapes. `every`: number of scrapes between evaluations.
    """
    steps = range(0, last - first + 1, every)
    tests = [{"expr": _FIRING, "eval_time": f"{count * step}s", "exp_samples": []} for count in steps]
    case = case_of(recorder, start=start, first=first, last=last, step=step) | {"promql_expr_test": tests}
    found: dict[str, list[float]] = collections.defaultdict(list)
    for failure in _failures(case, step=step * every, annotated=False):
        when, _, got = failure.partition("got:")
        at = start + first * step + _seconds(_match(r", time: (\S+),", when)[1])
        for labels, _ in _SAMPLE.findall(got):
            found[labels].append(at)
    firings = []
    for text, times in found.items():
        labels = _pairs(text)
        alert = labels.pop("alertname")
        firings.append(Firing(alert=alert, labels=labels, first=min(times), last=max(times), evaluations=len(times)))
    return sorted(firings, key=lambda one: (one.first, one.alert))


def texts(
    recorder: Recorder, firings: Sequence[Firing], *, start: float, step: int = STEP
) -> Iterator[dict[str, str]]:
    """The annotations of each firing alert, as in its first notification. Raises EvaluationError."""
    last = recorder.scrapes - 1
    asked = sorted({(one.alert, round(one.first - start)) for one in firings})
    tests = [{"alertname": alert, "eval_time": f"{at}s", "exp_alerts": []} for alert, at in asked]
    case = case_of(recorder, start=start, first=0, last=last, step=step) | {"alert_rule_test": tests}
    notified: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, str]] = {}
    for failure in _failures(case, step=step, annotated=True):
        when = _match(r"alertname: (\w+), time: (\S+),", failure)
        for labels, annotations in _GOT.findall(failure.partition("got:")[2]):
            named = _pairs(labels)
            del named["alertname"]
            notified.setdefault((f"{when[1]} {when[2]}", tuple(sorted(named.items()))), _pairs(annotations))
    for one in firings:
        at = _duration(round(one.first - start))
        yield notified[f"{one.alert} {at}", tuple(sorted(one.labels.items()))]


def case_of(recorder: Recorder, *, start: float, first: int, last: int, step: int) -> dict[str, Any]:
    """A promtool test case with the series between two scrapes; the caller adds the expectations."""
    begin = dt.datetime.fromtimestamp(start + first * step, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    series = [{"series": name, "values": values} for name, values in recorder.lines(first=first, last=last)]
    return {"name": "timelapse", "interval": f"{step}s", "start_timestamp": begin, "input_series": series}


def evaluation_order(folder: pathlib.Path) -> list[str]:
    """The names of the groups in the directory, those with recording rules last.

    Prometheus evaluates groups with different offsets, so an alert may read a recorded value that is one interval
    old.
    """
    groups = [
        group for file in sorted(folder.glob("*.yml")) for group in fast_yaml.load(file.read_text("utf-8"))["groups"]
    ]
    return [group["name"] for group in sorted(groups, key=lambda group: "record" in group["rules"][0])]


def _match(pattern: str, text: str) -> re.Match[str]:
    """The match of a pattern in the output of promtool. Raises EvaluationError."""
    found = re.search(pattern, text)
    if found is None:
        raise EvaluationError(f"promtool: not understood: {text[:2000]}")
    return found


def _failures(case: Mapping[str, Any], *, step: int, annotated: bool) -> list[str]:
    """The failures that promtool reports. They contain all alerts, because the case expects none.

    `step`: seconds between two evaluations. `annotated`: whether the rules have their annotations, which Prometheus
    renders for every active alert at every evaluation.
    """
    try:
        promtool = component("promtool")
    except MissingComponentError as error:
        raise EvaluationError(str(error)) from error
    tree = {
        "rule_files": ["rules.yml"],
        "group_eval_order": evaluation_order(RULES),
        "evaluation_interval": f"{step}s",
        "tests": [case],
    }
    with tempfile.TemporaryDirectory(prefix="timelapse-") as folder:
        file, report = pathlib.Path(folder) / "test.yml", pathlib.Path(folder) / "report.xml"
        file.write_text(json.dumps(tree), encoding="utf-8")  # JSON is valid YAML, and json.dumps is ten times as fast
        (pathlib.Path(folder) / "rules.yml").write_text(_rules(annotated=annotated), encoding="utf-8")
        command = [str(promtool), "test", "rules", f"--junit={report}", str(file)]
        environment = os.environ | {"GOGC": "400"}  # a fifth less CPU time for more memory
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not report.exists():
            raise EvaluationError(f"promtool: {(done.stderr or done.stdout).strip()[:2000]}")
        suite = ET.parse(report).getroot()  # noqa: S314 - promtool wrote it
        failures = [node.text or "" for node in suite.iter("failure")]
        errors = [text for text in failures if "got:" not in text]
        if errors:
            raise EvaluationError(f"promtool: {errors[0][:2000]}")
        if done.returncode and not failures:
            raise EvaluationError(f"promtool: {(done.stderr or done.stdout).strip()[:2000]}")
        return failures


def _rules(*, annotated: bool) -> str:
    """The rule files as one, without the rules that only dashboards read."""
    files = [file for file in sorted(RULES.glob("*.yml")) if file.stem != "recording"]
    groups = [group for file in files for group in fast_yaml.load(file.read_text("utf-8"))["groups"]]
    for rule in () if annotated else (rule for group in groups for rule in group["rules"]):
        rule.pop("annotations", None)
    return json.dumps({"groups": groups})


def _pairs(text: str) -> dict[str, str]:
    """Labels or annotations. They are quoted as in Go, which is the same as JSON for these values."""
    return {name: json.loads(quoted) for name, quoted in _PAIR.findall(text)}


def _duration(seconds: int) -> str:
    """A duration in the format of promtool: `1h5m30s`, `4m`, `0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if count) or "0s"


def _seconds(text: str) -> float:
    return float(promql_parser.parse_duration(text).total_seconds()) if text != "0s" else 0.0


def _metric_names(tree: Any) -> Iterator[str]:
    """The metric names below a node of the syntax tree."""
    if isinstance(tree, promql_parser.VectorSelector):
        yield tree.name or ""
    for part in ("lhs", "rhs", "expr", "vector_selector"):
        if (below := getattr(tree, part, None)) is not None:
            yield from _metric_names(below)
    for argument in getattr(tree, "args", None) or ():
        yield from _metric_names(argument)
