"""The chart's values as types, and the JSON schema by which Helm checks them.

What stands below `settings` is the exporter's own: its types and the forms of its names come from its code. Left out
is what a pod of the chart decides itself: how the API server is reached, the port, and where files are.
"""

import json
from typing import Annotated, Any, Literal

import msgspec

from exporter import config, durations, rbac
from tools.bundle import settings as rules

__all__ = ["Section", "Values", "sections", "text"]

_DURATION = rf"^(none|{durations._FORM.pattern}|{durations._PLAIN.pattern})$"  # noqa: SLF001 - one form, one place
_SUBDOMAIN = rf"^{rbac._SUBDOMAIN.pattern}$"  # noqa: SLF001 - as above
_PATTERN = rf"^{rbac._PATTERN.pattern}$"  # noqa: SLF001 - as above
_LABEL = rf"^{rbac._LABEL.pattern}$"  # noqa: SLF001 - as above
_NAME = r"^(coderun-exporter(-[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?)?)?$"
_PORT = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_LABEL_VALUE = Annotated[str, msgspec.Meta(pattern=rf"^{rules.LABEL_VALUE}$")]
_CIDR = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]
_SECONDS = Annotated[int, msgspec.Meta(ge=1)]
_LIMITED = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
_NOT_HERE = {"Settings": ("kubernetes",), "Web": ("listen_addresses", "config_file")}
_FORMS = {
    ("Profile", "group"): _SUBDOMAIN,
    ("Profile", "plural"): _LABEL,
    ("Profile", "resource"): _SUBDOMAIN,
    ("Profile", "version"): _LABEL,
    ("ConfigMaps", "namespace"): _LABEL,
    ("Settings", "label_selector"): rf"^{config.SELECTOR.pattern}$",
    ("RequiredConfigMap", "name"): _PATTERN,
    ("Web", "telemetry_path"): "^/",
    ("Values", "name"): _NAME,
    ("Values", "runbooks"): rf"^({rules.ADDRESS})?$",
    ("Rules", "jobs"): rf"^{rules.JOBS}$",
    ("Image", "digest"): "^(sha256:[0-9a-f]{64})?$",
}
"""Where a value has to have a form: by the type and its field."""
_ITEM_FORMS = {
    ("Settings", "namespaces"): _LABEL,
    ("ConfigMaps", "required"): _PATTERN,
    ("CodeRuns", "kinds"): _SUBDOMAIN,
}
_LANGUAGE = {"worker": ["object", "array"], "times": "object", "about": "object", "only": "object"}
"""Parts of a profile that the exporter alone checks, with the words of its language."""


class Section(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A part of the values; a key that it does not have is an error."""


class Image(Section):
    """The image."""

    repository: str
    tag: str
    digest: str
    pull_policy: Literal["Always", "IfNotPresent", "Never"]
    pull_secrets: list[dict[str, str]]


class WebConfig(Section):
    """The web configuration of the exporter: TLS and passwords."""

    secret: str
    tls: bool
    client_certificates: bool


class ServiceAccount(Section):
    """The ServiceAccount of the pods."""

    create: bool
    name: str
    annotations: dict[str, str]


class Rbac(Section):
    """The permissions of the ServiceAccount."""

    create: bool


class Labels(Section):
    """Optional objects, and their labels."""

    enabled: bool
    labels: dict[str, str]


class ServiceMonitor(Labels):
    """The ServiceMonitor for the Prometheus Operator."""

    interval: str
    scrape_timeout: str
    spec: dict[str, Any]
    endpoint: dict[str, Any]


class PrometheusRule(Labels):
    """The PrometheusRules for the Prometheus Operator."""


class PlainPrometheus(Labels):
    """ConfigMaps with the rules and the scrape job, for a Prometheus without the Operator."""

    namespace: str
    scrape: dict[str, Any]


class Dashboards(Labels):
    """ConfigMaps with the dashboards, for Grafana's sidecar."""

    namespace: str
    annotations: dict[str, str]


class Alert(Section):
    """Changes to an alert; names of thresholds are checked where the alerts are known."""

    enabled: bool
    severity: Literal["critical", "warning", "info"]
    labels: dict[str, _LABEL_VALUE]
    thresholds: dict[str, int | str]


class Rules(Section):
    """Changes to the rules."""

    labels: dict[str, _LABEL_VALUE]
    jobs: str
    alerts: dict[str, Alert]


class Peer(Section):
    """A peer of a NetworkPolicy. It needs a field; a list without peers allows every client."""

    ip_block: dict[str, Any]
    namespace_selector: dict[str, Any]
    pod_selector: dict[str, Any]


class ApiServer(Section):
    """The addresses and ports of the API server."""

    cidrs: list[_CIDR]
    ports: Annotated[list[_PORT], msgspec.Meta(min_length=1)]


class NetworkPolicy(Section):
    """The NetworkPolicy of the exporter."""

    enabled: bool
    prometheus: list[Peer]
    api_server: ApiServer
    dns: list[Peer]
    egress: list[dict[str, Any]]


class PodDisruptionBudget(Section):
    """The PodDisruptionBudget of the pods."""

    enabled: bool
    max_unavailable: int | str


class Values(Section):
    """All values."""

    name: str
    enabled: bool
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
    runbooks: str
    rules: Rules
    policies: Literal["none", "warn", "deny", "mutate"]
    policy_limits: dict[_LIMITED, _SECONDS]
    pod_security_context: dict[str, Any]
    security_context: dict[str, Any]
    pod_labels: dict[str, str]
    pod_annotations: dict[str, str]
    node_selector: dict[str, str]
    tolerations: list[dict[str, Any]]
    affinity: dict[str, Any]
    priority_class_name: str
    env: list[dict[str, Any]]
    global_: dict[str, Any] = msgspec.field(name="global")


def sections(kind: type[Section]) -> dict[str, Any]:
    """The fields of a section by the names that they have in the values, with their types."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def text() -> str:
    """The schema as JSON."""
    made = msgspec.json.schema(Values)
    types = made["$defs"]
    types["Profile"]["properties"] |= {name: {"type": kind} for name, kind in _LANGUAGE.items()}
    for name, fields in _NOT_HERE.items():
        for field in fields:
            del types[name]["properties"][field]
    _shape(types)
    types["Values"]["properties"]["replicas"]["minimum"] = 0
    # Of a file with a profile, the pod has none.
    types["CodeRuns"]["properties"]["kinds"]["items"]["not"] = {"type": "string", "pattern": r"\.ya?ml$"}
    types["Peer"]["minProperties"] = 1
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
    if "number" in names and "boolean" not in names:
        field["pattern"] = _DURATION
        names.remove("integer")
    for branch in branches:
        if "$ref" in branch:
            own = types[branch["$ref"].rpartition("/")[2]]
            field |= {key: own[key] for key in ("properties", "required", "additionalProperties")}
            names.append("object")
    if names:
        field["type"] = names
