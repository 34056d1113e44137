"""The settings of the rules: a file for `make bundle`, or values of the chart. Each error is one line."""

import dataclasses
import difflib
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from exporter import yaml_text
from exporter.files import FileError, read_text
from lab import fast_yaml
from tools import rule_files
from tools.rule_files import BundleError

__all__ = [
    "ADDRESS",
    "DEFAULT_JOBS",
    "FORMS",
    "JOBS",
    "LABEL_NAME",
    "LABEL_VALUE",
    "RESERVED",
    "SEVERITIES",
    "Settings",
    "address",
    "load",
    "thresholds",
]

DEFAULT_JOBS = ".*coderun-exporter.*"
SEVERITIES = ("critical", "warning", "info")
RESERVED = (
    *(
        "alertname",
        "severity",
        "original_severity",
        "component",
        "explained_by",
        "cluster",
        "namespace",
        "job",
        "instance",
    ),
    *("coderun", "job_name", "configmap", "kind", "run_type", "service", "task_id", "agent", "resource", "scope"),
)
"""Labels that the rules set or that identify objects, so users cannot set them."""
LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]{0,62}"
LABEL_VALUE = r"[A-Za-z0-9][A-Za-z0-9 ._/@:+-]{0,99}"
# An address has no quotes, braces, commas, blanks or `#`, because it is written to YAML without quotes, and to
# annotations, which Prometheus expands as templates.
ADDRESS = r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*(/[A-Za-z0-9._~%+=&?:/-]*)?"
# A pattern of scrape jobs has no quotes, backquotes, backslashes or braces, because it is written to quoted strings
# in YAML, PromQL and templates.
JOBS = r"[A-Za-z0-9_.:/()|*+?^$-]+"
FORMS = {
    "seconds": (r"[1-9][0-9]{0,8}", "a whole number of seconds, such as 300"),
    "count": (r"[1-9][0-9]{0,8}", "a whole number, such as 4"),
    "percent": (r"[1-9][0-9]?", "a percentage from 1 to 99, such as 51"),
    "duration": (r"([2-9]|[1-9][0-9]+)h|[1-9][0-9]*d", "more than an hour, in hours or days, such as 12h or 7d"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Changes to the rules; the defaults change nothing."""

    runbooks: str = ""
    jobs: str = DEFAULT_JOBS
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    alerts: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def changes_rules(self) -> bool:
        """Whether the settings change rules, so that the shipped unit tests do not apply."""
        return bool(self.labels or self.alerts) or self.jobs != DEFAULT_JOBS


def thresholds() -> dict[str, dict[str, dict[str, Any]]]:
    """The thresholds that can be changed (alerts/thresholds.yml), by alert and name."""
    table: dict[str, dict[str, dict[str, Any]]] = fast_yaml.load(
        (rule_files.ROOT / "alerts/thresholds.yml").read_text("utf-8")
    )
    return table


def load(path: pathlib.Path | None, *, names: Iterable[str]) -> Settings:
    """Loads a file; `names` are the known alerts. Without a file, returns the defaults. Raises BundleError."""
    if path is None:
        return Settings()
    try:
        tree = yaml_text.load(read_text(path, pipes=True))
    except FileError as error:
        raise BundleError(f"cannot read {path}: {error}") from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # PyYAML raises the other errors for a value that does not fit its tag, such as the date 2026-02-31.
        raise BundleError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return _settings(tree, names=[*names])
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from None


def address(where: str, given: object) -> str:
    """The base address of the runbooks without a trailing slash; it may be empty. Raises BundleError."""
    return _text(where, given, f"({ADDRESS})?", "an address such as https://wiki.example/runbooks").rstrip("/")


def _settings(tree: object, *, names: list[str]) -> Settings:
    top = _section("the file", tree, ("runbooks", "rules"))
    rules = _section("rules", top.get("rules"), ("alerts", "jobs", "labels"))
    alerts = _section("rules.alerts", rules.get("alerts"), names, what="alert")
    return Settings(
        runbooks=address("runbooks", top.get("runbooks") or ""),
        jobs=_regular_expression(rules.get("jobs") or DEFAULT_JOBS),
        labels=_labels("rules.labels", rules.get("labels")),
        alerts={name: _alert(name, given) for name, given in alerts.items()},
    )


def _alert(name: str, given: object) -> dict[str, Any]:
    """The validated settings of one alert; thresholds are strings."""
    where = f"rules.alerts.{name}"
    made = dict(_section(where, given, ("enabled", "severity", "labels", "thresholds")))
    if not isinstance(made.setdefault("enabled", True), bool):
        raise BundleError(f"{where}.enabled is {made['enabled']!r}: set true or false")
    if made.setdefault("severity", None) not in (None, *SEVERITIES):
        raise BundleError(
            f"{where}.severity is {made['severity']!r}: set {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}"
        )
    made["labels"] = _labels(f"{where}.labels", made.get("labels"))
    table = thresholds().get(name, {})
    numbers = _section(f"{where}.thresholds", made.get("thresholds"), table, what="threshold")
    made["thresholds"] = {
        key: _text(f"{where}.thresholds.{key}", value, *FORMS[table[key]["form"]]) for key, value in numbers.items()
    }
    return made


def _section(where: str, tree: object, known: Iterable[str], *, what: str = "setting") -> Mapping[str, Any]:
    """A mapping without null values. Raises BundleError for an unknown key, and suggests the most similar one."""
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BundleError(f"{where} has to be a mapping, and is {tree!r}"[:200])
    known = [*known]
    for key in tree:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0)
            hint = f"did you mean {near[0]}?" if near else f"{where.rsplit('.', 2)[-2]} has none"
            raise BundleError(f"{where}.{key}: no such {what}; {hint}")
    return {key: value for key, value in tree.items() if value is not None}


def _labels(where: str, tree: object) -> dict[str, str]:
    """The user's labels. Raises BundleError if the rules set a label of this name."""
    if not isinstance(tree, dict | None):
        raise BundleError(f"{where} has to be a mapping, and is {tree!r}"[:200])
    for name, value in (tree or {}).items():
        if not re.fullmatch(LABEL_NAME, str(name)):
            raise BundleError(f"{where}.{name}: not the name of a label, such as team")
        if name in RESERVED:
            raise BundleError(f"{where}.{name}: the rules set this label; use another name")
        if not isinstance(value, str):
            raise BundleError(f"{where}.{name} is {value!r}: set a text, such as agents")
        _text(f"{where}.{name}", value, LABEL_VALUE, "a text such as agents, without quotes and braces")
    return dict(tree or {})


def _text(where: str, value: object, form: str, right: str) -> str:
    """A value as a string. Raises BundleError unless it matches `form`; `right` describes a valid value."""
    if isinstance(value, bool) or not re.fullmatch(form, str(value)):
        raise BundleError(f"{where} is {value!r}: set {right}")
    return str(value)


def _regular_expression(jobs: object) -> str:
    """A valid regular expression without characters that would need escaping. Raises BundleError."""
    try:
        re.compile(str(jobs))
    except re.error as error:
        raise BundleError(f"rules.jobs is {jobs!r}: set a regular expression such as .*agents-exporter.*") from error
    return _text("rules.jobs", jobs, JOBS, "a regular expression such as .*agents-exporter.*")
