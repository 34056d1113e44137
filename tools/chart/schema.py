"""The chart's values as types, and the JSON schema by which Helm checks them.

What stands below `settings` is the exporter's own: its types and the forms of its names come from its code. Left out
is what a pod of the chart decides itself: how the API server is reached, the port, and where files are.
"""

import json
from typing import Annotated, Any, Literal

import msgspec

from exporter import config, durations, rbac

__all__ = ["text"]

_DURATION = rf"^(none|{durations._FORM.pattern}|{durations._PLAIN.pattern})$"  # noqa: SLF001 - one form, one place
_SUBDOMAIN = rf"^{rbac._SUBDOMAIN.pattern}$"  # noqa: SLF001 - as above
_PATTERN = rf"^{rbac._PATTERN.pattern}$"  # noqa: SLF001 - as above
_LABEL = rf"^{rbac._LABEL.pattern}$"  # noqa: SLF001 - as above
_NAME = r"^coderun-exporter(-[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?)?$"
_SECONDS = Annotated[int, msgspec.Meta(ge=1)]
_LIMITED = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
_NOT_HERE = {"Settings": ("kubernetes",), "Web": ("listen_addresses", "config_file")}
_FORMS = {
    ("Kind", "group"): _SUBDOMAIN,
    ("Kind", "plural"): _LABEL,
    ("ConfigMaps", "namespace"): _LABEL,
    ("Settings", "label_selector"): rf"^{config.SELECTOR.pattern}$",
    ("RequiredConfigMap", "name"): _PATTERN,
    ("Web", "telemetry_path"): "^/",
    ("Values", "name"): _NAME,
}
"""Where a value has to have a form: by the type and its field."""
_ITEM_FORMS = {("Settings", "namespaces"): _LABEL, ("ConfigMaps", "required"): _PATTERN}


class _Section(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A part of the values; a key that it does not have is an error."""


class Image(_Section):
    """The image."""

    repository: str
    tag: str
    pull_policy: Literal["Always", "IfNotPresent", "Never"]
    pull_secrets: list[dict[str, str]]


class WebConfig(_Section):
    """TLS and passwords of the exporter."""

    secret: str
    tls: bool
    client_certificates: bool


class ServiceAccount(_Section):
    """The account of the pods."""

    create: bool
    name: str
    annotations: dict[str, str]


class Rbac(_Section):
    """Its permissions."""

    create: bool


class Labels(_Section):
    """Objects that are made or not, with labels of the user's own."""

    enabled: bool
    labels: dict[str, str]


class ServiceMonitor(Labels):
    """How the Operator's Prometheus scrapes."""

    interval: str
    scrape_timeout: str
    endpoint: dict[str, Any]


class PrometheusRule(Labels):
    """The rules for the Operator."""

    runbooks: str


class PlainPrometheus(Labels):
    """The rules and the scrape job for a plain Prometheus."""

    namespace: str
    runbooks: str
    scrape: dict[str, Any]


class Dashboards(Labels):
    """The dashboards."""

    namespace: str


class ApiServer(_Section):
    """Where the API server is."""

    cidrs: list[str]
    ports: list[int]


class NetworkPolicy(_Section):
    """Who may talk to the exporter."""

    enabled: bool
    prometheus: list[dict[str, Any]]
    api_server: ApiServer


class PodDisruptionBudget(_Section):
    """How many pods may be moved at once."""

    enabled: bool
    max_unavailable: int | str


class Values(_Section):
    """All values."""

    name: str
    image: Image
    replicas: int
    settings: config.Settings
    web_config: WebConfig
    resources: dict[str, Any]
    service_account: ServiceAccount
    rbac: Rbac
    network_policy: NetworkPolicy
    pod_disruption_budget: PodDisruptionBudget
    service_monitor: ServiceMonitor
    prometheus_rule: PrometheusRule
    prometheus: PlainPrometheus
    dashboards: Dashboards
    policies: Literal["none", "warn", "deny", "mutate"]
    policy_limits: dict[_LIMITED, _SECONDS]
    pod_labels: dict[str, str]
    pod_annotations: dict[str, str]
    node_selector: dict[str, str]
    tolerations: list[dict[str, Any]]
    affinity: dict[str, Any]
    priority_class_name: str
    env: list[dict[str, Any]]
    global_: dict[str, Any] = msgspec.field(name="global")


def text() -> str:
    """The schema as JSON."""
    made = msgspec.json.schema(Values)
    types = made["$defs"]
    for name, fields in _NOT_HERE.items():
        for field in fields:
            del types[name]["properties"][field]
    _shape(types)
    types["Values"]["properties"]["replicas"]["minimum"] = 0
    types["Values"]["properties"]["policyLimits"]["required"] = ["default"]
    seen = json.dumps(made)
    made["$defs"] = {
        name: kind for name, kind in types.items() if f'"#/$defs/{name}"' in seen and name != "Kubernetes"
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of coderun-exporter"}
    return json.dumps(head | made, indent=1) + "\n"


def _shape(types: dict[str, Any]) -> None:
    """Says of every field what Helm shall say of a wrong one: one type, or a list of them, and a form."""
    for name, kind in types.items():
        kind["required"] = [field for field in kind.get("required", ()) if name == "RequiredConfigMap"]
        for key, field in kind.get("properties", {}).items():
            field.pop("default", None)
            _flatten(field, types)
            if (name, key) in _FORMS:
                field["pattern"] = _FORMS[name, key]
            if (name, key) in _ITEM_FORMS:
                field["items"]["pattern"] = _ITEM_FORMS[name, key]


def _flatten(field: dict[str, Any], types: dict[str, Any]) -> None:
    """`anyOf` costs a reader a line for each branch, so it becomes a list of types. Durations get their form."""
    for inner in ("items", "additionalProperties"):
        if isinstance(field.get(inner), dict):
            _flatten(field[inner], types)
    branches = field.pop("anyOf", ())
    names = [branch["type"] for branch in branches if "type" in branch]
    if "number" in names:
        field["pattern"] = _DURATION
        names.remove("integer")
    for branch in branches:
        if "$ref" in branch:
            own = types[branch["$ref"].rpartition("/")[2]]
            field |= {key: own[key] for key in ("properties", "required", "additionalProperties")}
            names.append("object")
    if names:
        field["type"] = names
