"""Generates deploy/rbac and the reference pages of docs/ from the code and the rules: `make generate`.

With `--check`, it writes nothing, names the stale files and exits with 1.
"""

import argparse
import inspect
import pathlib
import sys
from collections.abc import Iterator, Sequence

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from exporter import config
from exporter.cache import ObjectCache, Thresholds
from exporter.commands import rbac
from exporter.log_formats import language as log_language, shipped_tables
from exporter.log_polling.metrics import LogMetrics
from exporter.profiles import language, shipped_profiles
from exporter.resources import RESOURCES
from exporter.resources.jobs import MAX_RUNTIME_ANNOTATION
from exporter.resources.kinds import DEADLINE_ANNOTATION
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.resource import Resource
from exporter.telemetry import STATES, Telemetry
from tools import alerts_page, explain_pages
from tools.generated import update
from tools.markdown import ROOT, code, fill_page, table
from tools.reference_rows import commands, described, is_struct, keys, log_keys, log_summary, settings


def main(argv: Sequence[str] | None = None) -> int:
    """Writes or compares the pages. Returns the exit code, 2 if an alert is incomplete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale pages")
    check = parser.parse_args(argv).check
    try:
        texts = pages()
    except alerts_page.IncompleteAlertError as error:
        print(f"make generate: {error}", file=sys.stderr)
        return 2
    return update(texts, root=ROOT, check=check)


def pages() -> dict[pathlib.Path, str]:
    """The text of each generated page, by its path."""
    return {
        ROOT / "docs/metrics.md": metrics(),
        ROOT / "docs/configuration.md": configuration(),
        ROOT / "docs/profiles.md": profiles(),
        ROOT / "docs/log-formats.md": log_formats(),
        ROOT / "docs/alerts.md": fill_page("alerts", **alerts_page.parts()),
        ROOT / "docs/causes.md": fill_page(
            "causes",
            causes=table(explain_pages.CAUSE_HEAD, explain_pages.cause_rows()),
            ends=table(explain_pages.END_HEAD, explain_pages.end_rows()),
        ),
        ROOT / "docs/api.md": api(),
        ROOT / "docs/api.schema.json": explain_pages.schema(),
        ROOT / "deploy/rbac/clusterrole.yaml": permissions(),
        ROOT / "deploy/rbac/role.yaml": permissions("--namespaces=agent-platform"),
    }


def causes() -> str:
    """The table of docs/causes.md."""
    return table(explain_pages.CAUSE_HEAD, explain_pages.cause_rows())


def api() -> str:
    """The text of docs/api.md."""
    parts = []
    for struct in explain_pages.STRUCTS:
        rows = table(explain_pages.FIELD_HEAD, explain_pages.field_rows(struct, described))
        parts.append(f"## {struct.__name__}\n\n{inspect.getdoc(struct)}\n\n{rows}")
    return fill_page("api", structs="\n".join(parts))


def permissions(*flags: str) -> str:
    """The output of `coderun-exporter rbac` with these flags."""
    parser = argparse.ArgumentParser()
    rbac.add_arguments(parser)
    return rbac.render(parser.parse_args(flags))


def metrics() -> str:
    """The text of docs/metrics.md."""
    registry, telemetry = CollectorRegistry(), Telemetry(clock=lambda: 0.0)
    LogMetrics(telemetry.registry)
    LifecycleMetrics(cache=ObjectCache(thresholds=Thresholds()), registry=registry)
    return fill_page(
        "metrics",
        families="\n".join(section(item) for item in RESOURCES if item.families),
        history=table(("metric", "type", "labels", "meaning"), registry_rows(registry)),
        states=code(STATES),
        exporter=table(("metric", "type", "labels", "meaning"), registry_rows(telemetry.registry)),
    )


def section(resource: Resource) -> str:
    """The families of a resource."""
    rows = [
        (
            f"`{family.name}`",
            "gauge",
            code(family.label_names),
            family.help,
            code(tuple(dict.fromkeys((resource.name, *family.needs)))),
        )
        for family in resource.families
    ]
    text = f"## {resource.name}\n\nEach has the labels {code(resource.label_names)}.\n\n"
    return text + table(("metric", "type", "other labels", "meaning", "after"), rows)


def registry_rows(registry: CollectorRegistry) -> Iterator[tuple[str, ...]]:
    """A row for each metric of a registry. prometheus-client has no public function that lists them."""
    for collector in registry._collector_to_names:  # noqa: SLF001 - see above
        if isinstance(collector, MetricWrapperBase):
            (metric,) = collector.describe()
            name = metric.name + ("_total" if metric.type == "counter" else "")
            yield f"`{name}`", metric.type, code(collector._labelnames), metric.documentation  # noqa: SLF001


def configuration() -> str:
    """The text of docs/configuration.md."""
    head = ("setting", "type", "default", "meaning")
    fields = msgspec.structs.fields(config.Settings)
    sections = [field for field in fields if is_struct(field.type)]
    parts = [table(head, settings(config.Settings, only=[field.name for field in fields if field not in sections]))]
    for field in sections:
        rows = settings(field.type, prefix=f"{field.name}.")
        parts.append(f"### {field.name}\n\n{inspect.getdoc(field.type)}\n\n{table(head, rows)}")
    return fill_page(
        "configuration",
        settings="\n".join(parts),
        flags="\n".join(f"### {name}\n\n{table(('flag', 'meaning'), flags)}" for name, flags in commands()),
        deadline=DEADLINE_ANNOTATION,
        max_runtime=MAX_RUNTIME_ANNOTATION,
        example=(ROOT / "docs/coderun-exporter.yml").read_text("utf-8"),
    )


def profiles() -> str:
    """The text of docs/profiles.md."""
    head = ("key", "type", "meaning")
    known = [name for name in shipped_profiles() if name != "any"]
    return fill_page(
        "profiles",
        keys=table(head, keys(language.Profile)),
        source=table(head, keys(language.From)),
        shipped=table(("profile", "kind"), ((f"`{name}`", f"{shipped_profiles()[name].kind}") for name in known)),
    )


def log_formats() -> str:
    """The page of the log formats."""
    head = ("key", "type", "meaning")
    formats = [
        (f"`{one.name}`", one.title, one.evidence, ", ".join(f"`{word}`" for word in log_summary(one)))
        for one in shipped_tables()
    ]
    structs = ("Format", "Event", "Amount", "ErrorSource")
    return fill_page(
        "log-formats",
        formats=table(("format", "written from", "evidence", "reads"), formats),
        **{name.lower(): table(head, log_keys(getattr(log_language, name))) for name in structs},
    )


if __name__ == "__main__":
    sys.exit(main())
