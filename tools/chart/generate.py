"""The generated files of deploy/kustomize and deploy/helm, each from its one source.

kustomize reads nothing outside of the folder of a kustomization, and a chart nothing outside of the chart: so rules,
dashboards, policies and scrape jobs have to be in both.
"""

import json
import pathlib
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from exporter import __version__
from exporter.config import Settings
from exporter.config_file import load
from exporter.rbac import Account, Manifest, manifests
from tools.bundle import settings as rules
from tools.chart import readme, schema
from tools.dashboards import generate as dashboards

__all__ = ["ROOT", "found", "generated"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/coderun-exporter"
BASE = ROOT / "deploy/kustomize/base"
COMPONENTS = ROOT / "deploy/kustomize/components"
HEADER = "# Made by `python -m tools.chart` from {}. Do not edit.\n"
FOR_THE_CHART = """\
# For the chart prometheus-community/prometheus: helm upgrade ... -f values.yaml -f values-prometheus-scrape.yaml
# It is one text: if your values have extraScrapeConfigs already, add this job to yours. For two replicas take the job
# of kustomize/components/prometheus/pods.yml instead.
"""


def generated() -> dict[pathlib.Path, str]:
    """The text of each generated file, by its path."""
    return {path: text for made in (_kustomize(), _chart(), _copies()) for path, text in made.items()}


def found() -> list[pathlib.Path]:
    """The files that are there in the chart's folder files/, which has nothing but generated ones."""
    return [path for path in (CHART / "files").rglob("*") if path.is_file()]


def _kustomize() -> dict[pathlib.Path, str]:
    """Permissions, the image's tag, and what the components hand to Prometheus and Grafana."""
    settings, account = load(str(BASE / "exporter.yml")), Account()
    cluster = manifests(settings, account=account)
    here = manifests(msgspec.structs.replace(settings, namespaces=(account.namespace,)), account=account)
    return {
        BASE / "kustomization.yaml": _stamped(BASE / "kustomization.yaml", "newTag"),
        BASE / "rbac.yaml": _documents(cluster),
        COMPONENTS / "one-namespace/rbac.yaml": _documents([item for item in here if item not in cluster]),
        COMPONENTS / "prometheus/rules.yaml": _read("deploy/rules/configmap.yaml"),
        COMPONENTS / "prometheus-operator/rules.yaml": _read("deploy/rules/prometheusrule.yaml"),
        COMPONENTS / "grafana/dashboards.yaml": _read("deploy/dashboards/configmaps.yaml"),
    } | {COMPONENTS / "prometheus" / name: text for name, text in _scrape().items()}


def _chart() -> dict[pathlib.Path, str]:
    """What the chart says of itself, and the defaults that its templates go by."""
    jobs = _scrape()["static.yml"].partition("scrape_configs:\n")[2]
    values = f"{FOR_THE_CHART}extraScrapeConfigs: |\n{textwrap.indent(textwrap.dedent(jobs), '  ')}"
    defaults = yaml.safe_dump(msgspec.to_builtins(Settings()), sort_keys=False)
    return {
        CHART / "Chart.yaml": _stamped(CHART / "Chart.yaml", "version", "appVersion"),
        CHART / "README.md": readme.page(CHART / "values.yaml"),
        CHART / "values.schema.json": schema.text(),
        CHART / "files/defaults.yaml": HEADER.format("values.yaml") + _defaults(),
        CHART / "files/settings.yaml": HEADER.format("exporter/config.py: the defaults") + defaults,
        CHART.parent / "values-prometheus-scrape.yaml": HEADER.format("alerts/scrape.yml") + values,
    }


def _defaults() -> str:
    """The default of each value by its path, which is where sections end: below `resources`, a null takes away."""
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))

    def below(tree: dict[str, Any], kind: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        for key, field in schema.sections(kind).items():
            if isinstance(field, type) and issubclass(field, schema.Section):
                yield from below(tree[key], field, f"{prefix}{key}.")
            elif key in tree:
                yield f"{prefix}{key}", tree[key]

    return yaml.safe_dump(dict(below(values, schema.Values, "")), sort_keys=False)


def _rule_settings() -> str:
    """What settings of the rules may name, and the form of their values."""
    known = {
        "reserved": [*rules.RESERVED],
        "forms": {name: [*form] for name, form in rules.FORMS.items()},
        "thresholds": rules.thresholds(),
    }
    return yaml.safe_dump(known, sort_keys=False, width=118)


def _copies() -> dict[pathlib.Path, str]:
    """Files as they are. Templates of the chart read them with .Files, so that Helm leaves their braces alone."""
    sources = {
        "rules": ROOT.glob("alerts/rules/*.yml"),
        "policies": ROOT.glob("deploy/policies/*.yaml"),
    }
    copies = {
        CHART / "files" / folder / path.name: path.read_text("utf-8")
        for folder, paths in sources.items()
        for path in paths
    }
    boards = {name: json.dumps(json.loads(text), sort_keys=True) + "\n" for name, text in dashboards.boards().items()}
    return (
        copies
        | {CHART / "files/dashboards" / name: text for name, text in boards.items()}
        | {CHART / "files/scrape" / name: text for name, text in _scrape().items()}
        | {
            CHART / "files/rule-settings.yaml": HEADER.format("alerts/thresholds.yml, tools/bundle")
            + _rule_settings()
        }
    )


def _scrape() -> Mapping[str, str]:
    """The two ways of alerts/scrape.yml, each a file that scrape_config_files can name."""
    comment, _, jobs = _read("alerts/scrape.yml").partition("scrape_configs:\n")
    static, pods = (part.rstrip() for part in jobs.split("\n\n"))
    reason = re.search(r"^# honor_labels.*?(?=^#$|\Z)", comment, re.MULTILINE | re.DOTALL)
    if reason is None or "static_configs" not in static or "kubernetes_sd_configs" not in pods:
        raise ValueError(
            "alerts/scrape.yml: expected the reason of honor_labels, a static job, an empty line, a job of pods"
        )
    head = HEADER.format("alerts/scrape.yml") + reason[0] + "scrape_configs:\n"
    return {"static.yml": f"{head}{static}\n", "pods.yml": f"{head}{pods}\n"}


def _documents(made: list[Manifest]) -> str:
    head = HEADER.format("the base's exporter.yml, as `coderun-exporter rbac` prints it")
    return head + yaml.safe_dump_all(made, sort_keys=False, width=118)


def _stamped(path: pathlib.Path, *keys: str) -> str:
    """The file with the exporter's version behind these keys."""
    text = path.read_text("utf-8")
    for key in keys:
        text, count = re.subn(rf"^(\s*{key}: ).*$", rf'\g<1>"{__version__}"', text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{path}: {key} is there {count} times")
    return text


def _read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")
