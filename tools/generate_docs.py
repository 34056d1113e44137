"""Generates deploy/rbac and the reference pages of docs/ from the code and the rules: `make generate`.

With `--check`, it writes nothing, names the stale files and exits with 1.
"""

import argparse
import ast
import importlib
import inspect
import itertools
import pathlib
import pkgutil
import string
import sys
import types
import typing
from collections.abc import Iterator, Sequence

import msgspec
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

import exporter.commands
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
_OWN_PAGE = (language.Profile, log_language.Format)  # documented in docs/profiles.md and docs/log-formats.md


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


def filled(page: str, **parts: str) -> str:
    """The text of a page in tools/pages, with `parts` for its placeholders."""
    template = string.Template((ROOT / f"tools/pages/{page}.md").read_text("utf-8"))
    return template.substitute({name: text.rstrip("\n") for name, text in parts.items()})


def pages() -> dict[pathlib.Path, str]:
    """The text of each generated page, by its path."""
    return {
        ROOT / "docs/metrics.md": metrics(),
        ROOT / "docs/configuration.md": configuration(),
        ROOT / "docs/profiles.md": profiles(),
        ROOT / "docs/log-formats.md": log_formats(),
        ROOT / "docs/alerts.md": filled("alerts", **alerts_page.parts()),
        ROOT / "docs/causes.md": filled(
            "causes",
            causes=table(explain_pages.CAUSE_HEAD, explain_pages.cause_rows()),
            ends=table(explain_pages.END_HEAD, explain_pages.end_rows()),
        ),
        ROOT / "docs/api.md": api(),
        ROOT / "docs/api.schema.json": explain_pages.schema(),
        ROOT / "deploy/rbac/clusterrole.yaml": permissions(),
        ROOT / "deploy/rbac/role.yaml": permissions("--namespaces=agent-platform"),
    }


def api() -> str:
    """The text of docs/api.md."""
    parts = []
    for struct in explain_pages.STRUCTS:
        rows = table(explain_pages.FIELD_HEAD, explain_pages.field_rows(struct, described))
        parts.append(f"## {struct.__name__}\n\n{inspect.getdoc(struct)}\n\n{rows}")
    return filled("api", structs="\n".join(parts))


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
    return filled(
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
    return filled(
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
    return filled(
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
    return filled(
        "log-formats",
        formats=table(("format", "written from", "evidence", "reads"), formats),
        **{name.lower(): table(head, log_keys(getattr(log_language, name))) for name in structs},
    )


def log_summary(given: log_language.Format) -> list[str]:
    """The keys of events that a format uses, except those of the match."""
    match = ("when", "text", "own", "tail", "if_none", "aside")
    default = log_language.Event()
    names = [name for name in log_language.Event.__struct_fields__ if name not in match]
    return [name for name in names if any(getattr(one, name) != getattr(default, name) for one in given.events)]


def log_keys(struct: type[msgspec.Struct]) -> Iterator[tuple[str, ...]]:
    """A row for each key of a mapping of a log format."""
    known = {
        log_language.Conditions: "conditions",
        log_language.Classes: "class or list",
        log_language.Amounts: "amount or list",
        tuple[log_language.Conditions, ...]: "list of conditions",
        tuple[log_language.Event, ...]: "list of events",
    }
    for field in msgspec.structs.fields(struct):
        parts = (field.type, *typing.get_args(field.type))
        kind = next((word for type_, word in known.items() if field.type == type_), None) or (
            f"{code(typing.get_args(parts[1]))} or conditions"
            if log_language.Conditions in parts
            else words(field.type)
        )
        yield f"`{field.encode_name}`", kind, described(struct)[field.name]


def settings(
    struct: type[msgspec.Struct], *, prefix: str = "", only: Sequence[str] = ()
) -> Iterator[tuple[str, ...]]:
    """A row for each setting of a section, including the settings of list items and mapping values."""
    for field in msgspec.structs.fields(struct):
        if only and field.name not in only:
            continue
        path = prefix + field.name
        yield f"`{path}`", words(field.type), default(field), described(struct)[field.name]
        for inner in typing.get_args(field.type):
            for item in (inner, *typing.get_args(inner)):
                if is_struct(item) and item not in _OWN_PAGE:
                    yield from settings(item, prefix=f"{path}{'.NAME' if is_dict(field.type) else '[]'}.")


def keys(struct: type[msgspec.Struct], *, prefix: str = "") -> Iterator[tuple[str, ...]]:
    """A row for each key of a profile, including nested keys."""
    for field in msgspec.structs.fields(struct):
        path = f"{prefix}{field.encode_name}"
        inner = [item for item in (field.type, *typing.get_args(field.type)) if is_struct(item)]
        rule = [item for item in typing.get_args(field.type) if item is language.StateRule]
        kind = "source" if field.type == language.Source else "" if inner else words(field.type)
        yield f"`{path}`", "list of mapping" if rule else kind or "mapping", described(struct)[field.name]
        if field.type != language.Source:
            for item in inner:
                yield from keys(item, prefix=f"{path}[]." if rule else f"{path}.")


def described(struct: type) -> dict[str, str]:
    """The docstrings of the fields of a class, by field name."""
    tree = ast.parse(pathlib.Path(inspect.getfile(struct)).read_text("utf-8"))
    body = next(item.body for item in tree.body if isinstance(item, ast.ClassDef) and item.name == struct.__name__)
    return {
        ast.unparse(field.target): ast.literal_eval(text.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def words(kind: object) -> str:
    """The name of a type for the tables, such as `list of string`."""
    inner = [item for item in typing.get_args(kind) if item not in (types.NoneType, Ellipsis)]
    if typing.get_origin(kind) is typing.Literal:
        return code(inner)
    if typing.get_origin(kind) is tuple:
        return f"list of {words(inner[0])}"
    if is_dict(kind):
        return f"mapping of {words(inner[0])} to {words(inner[1])}"
    for word, known in (("duration", config.Duration), ("value", language.Value)):
        if set(inner) == set(typing.get_args(known)):
            return word
    if inner:
        return " or ".join(map(words, inner))
    plain = {int: "number", bool: "boolean"}
    return "mapping" if is_struct(kind) else next((word for known, word in plain.items() if kind is known), "string")


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default value of a setting in YAML, as code."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if not value and value is not False:
        return "not set"
    text = yaml.safe_dump(msgspec.to_builtins(value), default_flow_style=True, sort_keys=False, width=999)
    return f"`{text.splitlines()[0]}`"


def commands() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each command with its flags."""
    for found in pkgutil.iter_modules(exporter.commands.__path__):
        module = importlib.import_module(f"exporter.commands.{found.name}")
        if hasattr(module, "run"):
            parser = Flags(add_help=False)
            module.add_arguments(parser)
            yield found.name, parser.rows


class Flags(argparse.ArgumentParser):
    """A parser that records the flags added to it, as rows of a table."""

    def __init__(self, **options: typing.Any) -> None:
        self.rows: list[tuple[str, str]] = []
        super().__init__(**options)

    def add_argument(self, *names: str, **options: typing.Any) -> argparse.Action:
        """Adds the flag, and records its names and help text."""
        action = super().add_argument(*names, **options)
        value = action.metavar or "|".join(action.choices or ())
        shown = " ".join(filter(None, (", ".join(action.option_strings), str(value))))
        self.rows.append((f"`{shown}`", action.help or ""))
        return action


def table(head: Sequence[str], rows: "typing.Iterable[Sequence[str]]") -> str:
    """A Markdown table. Line breaks in cells become spaces, because they would end the table."""
    lines = [
        head,
        ["---"] * len(head),
        *([" ".join(cell.split()).replace("|", r"\|") for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(names: Sequence[str]) -> str:
    """The names in backticks, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def is_struct(kind: object) -> typing.TypeGuard[type[msgspec.Struct]]:
    """Whether the type is a section of the settings, or an item of a list in them."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def is_dict(kind: object) -> bool:
    """Whether the type is a mapping whose keys the user chooses."""
    return typing.get_origin(kind) is dict


if __name__ == "__main__":
    sys.exit(main())
