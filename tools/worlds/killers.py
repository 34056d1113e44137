"""The worlds as tests that `make mutate` runs: for each alert a file for promtool.

It has the worlds in which the alert is raised, and those in which nothing is wrong. The alert must be raised about
the same objects, with the same severities, as by the rules as they are.
"""

import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from lab.timelapse.judge import RULES, case_of, evaluation_order
from lab.worlds.outcomes import Outcome
from lab.worlds.player import MINUTE

__all__ = ["killers"]

_OBJECT = ("severity", "coderun", "job_name", "configmap", "agent", "namespace")


def killers(names: Sequence[str], outcomes: Sequence[Outcome], *, folder: pathlib.Path = RULES) -> Mapping[str, str]:
    """The text of the file for each of these alerts, by name. Rule files are found as in alerts/tests."""
    rules = [rule for file in sorted(folder.glob("*.yml")) for rule in _rules(file)]
    recorded = " ".join(rule["expr"] for rule in rules if "record" in rule)
    files = [f"../rules/{file.name}" for file in sorted(folder.glob("*.yml"))]
    texts = {}
    for name in names:
        words = " ".join([recorded, *(rule["expr"] for rule in rules if rule.get("alert") == name)])
        metrics = frozenset(re.findall(r"\w+", words))
        chosen = [each for each in outcomes if _raises(each, name) or not each.world.raised]
        tests = [_test(name, outcome, metrics) for outcome in chosen]
        document = {
            "rule_files": files,
            "group_eval_order": evaluation_order(folder),
            "evaluation_interval": f"{MINUTE}s",
            "tests": tests,
        }
        texts[name] = json.dumps(document)
    return texts


def _raises(outcome: Outcome, name: str) -> bool:
    return any(one.alert.name == name for one in outcome.raised)


def _test(name: str, outcome: Outcome, metrics: frozenset[str]) -> dict[str, Any]:
    recorder = outcome.played.recorder
    last = recorder.scrapes - 1
    case = case_of(recorder, start=outcome.played.start, first=0, last=last, step=MINUTE)
    series = [each for each in case["input_series"] if each["series"].partition("{")[0] in metrics]
    asked = f'max_over_time(ALERTS{{alertname="{name}",alertstate="firing"}}[{(last + 1) * MINUTE}s])'
    expected = sorted(set(_expected(name, outcome)))
    test = {
        "expr": f"group by ({', '.join(_OBJECT)}) ({asked})",
        "eval_time": f"{last * MINUTE}s",
        "exp_samples": [{"labels": labels, "value": 1} for labels in expected],
    }
    return case | {"name": f"world {outcome.world.name}", "input_series": series, "promql_expr_test": [test]}


def _expected(name: str, outcome: Outcome) -> Iterator[str]:
    """What was raised, as promtool writes labels."""
    for one in outcome.raised:
        if one.alert.name == name:
            labels = one.firing.labels
            yield "{" + ", ".join(f"{key}={json.dumps(labels[key])}" for key in _OBJECT if key in labels) + "}"


def _rules(file: pathlib.Path) -> Iterator[Mapping[str, Any]]:
    for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
        yield from group["rules"]
