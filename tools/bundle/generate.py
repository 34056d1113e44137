"""PrometheusRule objects, a ConfigMap and Helm values, made of the rule files' own text.

The text is taken over with its comments and only moved to the right. So Prometheus' template braces and every block
of text stay as they were written, and no YAML writer has a say in them.
"""

import pathlib
import re
import textwrap
from collections.abc import Mapping

import yaml

from tools.bundle import source
from tools.bundle.source import NAME, BundleError, alerts_of

__all__ = ["generated", "stale", "write"]

FOLDER = "deploy/rules"
HEADER = "# Made by `make bundle` from alerts/rules/. Do not edit: change the rule files, and make it anew.\n"
NOT_IN_A_CHART = """\
# Inside a chart of your own it must not be in templates/, where Helm takes Prometheus' braces for its own: put it
# elsewhere in the chart, and into a template put .Files.Get with its name.
"""
FOR_THE_OPERATOR = """\
# For the Prometheus Operator: kubectl -n monitoring apply -f prometheusrule.yaml
# It takes rules whose labels its ruleSelector names. kube-prometheus-stack asks for the label `release`, with the
# name of its release, unless ruleSelectorNilUsesHelmValues is false: add that label if yours asks for one.
"""
FOR_A_FOLDER = """\
# For a Prometheus that mounts its rules: mount this, and name the folder in rule_files.
# kubectl -n monitoring apply -f configmap.yaml
"""
FOR_THE_CHART = """\
# For the chart prometheus-community/prometheus: helm upgrade ... -f values.yaml -f values-prometheus.yaml
# As a dependency of a chart of your own: all of it below the key `prometheus`. Helm does not join lists: if your
# values have groups under these keys already, add these groups to yours instead of giving this file too.
"""


def write() -> None:
    """Writes the generated files, and removes what is none any more. Raises BundleError."""
    folder = source.ROOT / FOLDER
    wanted = generated(source.read_rules())
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def stale() -> list[str]:
    """The paths of the generated files that are not what the rules say now. Raises BundleError."""
    wanted = generated(source.read_rules())
    found = {path.name: path.read_text("utf-8") for path in (source.ROOT / FOLDER).glob("*")}
    return [f"{FOLDER}/{name}" for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]


def generated(files: Mapping[str, str]) -> dict[str, str]:
    """The generated files' text by name, made of the rule files' text by name. Raises BundleError."""
    return {
        "configmap.yaml": _configmap(files),
        "prometheusrule.yaml": _prometheusrule(files),
        "values-prometheus.yaml": _values(files),
    }


def _prometheusrule(files: Mapping[str, str]) -> str:
    """One object for each file; PrometheusRule: https://prometheus-operator.dev/docs/api-reference/api/."""
    objects = [
        _head(api="monitoring.coreos.com/v1", kind="PrometheusRule", name=f"{NAME}-{pathlib.PurePath(name).stem}")
        + f"spec:\n{textwrap.indent(text, '  ')}"
        for name, text in files.items()
    ]
    return HEADER + FOR_THE_OPERATOR + NOT_IN_A_CHART + "---\n".join(objects)


def _configmap(files: Mapping[str, str]) -> str:
    """The files as they are, each under its name."""
    head = _head(api="v1", kind="ConfigMap", name=f"{NAME}-rules")
    data = [f"  {name}: |\n{textwrap.indent(text, '    ')}" for name, text in files.items()]
    return f"{HEADER}{FOR_A_FOLDER}{NOT_IN_A_CHART}{head}data:\n{''.join(data)}"


def _values(files: Mapping[str, str]) -> str:
    """Values of the chart prometheus-community/prometheus.

    Of `serverFiles` its Prometheus loads alerting_rules.yml and recording_rules.yml (values.yaml, rule_files). The
    chart writes them with toYaml and without tpl (templates/cm.yaml), and values are no templates: the braces arrive
    as they are. https://github.com/prometheus-community/helm-charts/tree/main/charts/prometheus

    A group that has both kinds goes to the alerts whole, because its alerts read what its first rules record.
    """
    keys = {"alerting_rules.yml": "", "recording_rules.yml": ""}
    for name, text in files.items():
        key = "alerting_rules.yml" if any(alerts_of({name: text})) else "recording_rules.yml"
        comment, groups = _split(name, text)
        keys[key] += textwrap.indent(comment, " " * 6) + textwrap.indent(groups, " " * 4)
    body = [f"  {key}:\n    groups:\n{groups}" for key, groups in keys.items() if groups]
    return f"{HEADER}{FOR_THE_CHART}serverFiles:\n{''.join(body)}"


def _head(*, api: str, kind: str, name: str) -> str:
    """A Kubernetes object up to its own fields."""
    return textwrap.dedent(f"""\
        apiVersion: {api}
        kind: {kind}
        metadata:
          name: {name}
          labels:
            app.kubernetes.io/name: {NAME}
            app.kubernetes.io/component: rules
            app.kubernetes.io/version: {source.read_version()}
        """)


def _split(name: str, text: str) -> tuple[str, str]:
    """A rule file's opening comment, and the items of its groups."""
    parts = re.split(r"^groups:\n", text, maxsplit=1, flags=re.MULTILINE)
    if len(parts) == 1 or [*yaml.safe_load(text)] != ["groups"]:
        raise BundleError(f"alerts/rules/{name} has to be a comment and then `groups:`, with all else below that")
    return parts[0], parts[1]
