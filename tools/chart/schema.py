"""The values of the chart as types, and the JSON schema with which Helm validates them.

The value `settings` has the exporter's own types and patterns. It lacks the settings that the chart's pod defines:
the connection to the API server, the port, and the paths of files.
"""

import json
from typing import Annotated, Any, Literal

import msgspec

from exporter import config, durations, rbac
from exporter.selectors import SELECTOR
from tools.bundle import settings as rules

__all__ = ["Section", "Values", "sections", "text"]

_DURATION = rf"^(none|{durations._FORM.pattern}|{durations._PLAIN.pattern})$"  # noqa: SLF001 - the exporter's own pattern
_SUBDOMAIN = rf"^{rbac._SUBDOMAIN.pattern}$"  # noqa: SLF001 - as above
_PATTERN = rf"^{rbac._PATTERN.pattern}$"  # noqa: SLF001 - as above
_LABEL = rf"^{rbac._LABEL.pattern}$"  # noqa: SLF001 - as above
_NAME = r"^(coderun-exporter(-[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?)?)?$"
_PORT = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_LABEL_VALUE = Annotated[str, msgspec.Meta(pattern=rf"^{rules.LABEL_VALUE}$")]
_CIDR = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$")]
_SECONDS = Annotated[int, msgspec.Meta(ge=1)]
_LIMITED = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
_OMITTED_SETTINGS = {"Settings": ("kubernetes",), "Web": ("listen_addresses", "config_file")}
_FORMS = {
    ("Profile", "group"): _SUBDOMAIN,
    ("Profile", "plural"): _LABEL,
    ("Profile", "resource"): _SUBDOMAIN,
    ("Profile", "version"): _LABEL,
    ("ConfigMaps", "namespace"): _LABEL,
    ("Settings", "label_selector"): rf"^{SELECTOR.pattern}$",
    ("RequiredConfigMap", "name"): _PATTERN,
    ("Web", "telemetry_path"): "^/",
    ("Values", "name"): _NAME,
    ("Values", "runbooks"): rf"^({rules.ADDRESS})?$",
    ("Rules", "jobs"): rf"^{rules.JOBS}$",
    ("Image", "digest"): "^(sha256:[0-9a-f]{64})?$",
}
"""The pattern of a value, by type and field."""
_ITEM_FORMS = {
    ("Settings", "namespaces"): _LABEL,
    ("ConfigMaps", "required"): _PATTERN,
    ("CodeRuns", "kinds"): _SUBDOMAIN,
}
"""The pattern of the items of a list, by type and field."""
_PROFILE_TYPES = {"worker": ["object", "array"], "times": "object", "about": "object", "only": "object"}
"""JSON types of the parts of a profile that only the exporter validates."""


_WITH_REQUIRED = ("RequiredConfigMap", "Format")
_FORMAT_TYPES = {name: {"type": "array", "items": {"type": "object"}} for name in ("signs", "events")}
"""The same of a log format."""


class Section(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A mapping in the values; an unknown key is an error."""


class Image(Section):
    """The container image."""

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
    """Changes to an alert; a template of the chart checks the names of thresholds."""

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
    """A peer of a NetworkPolicy. It must have a field. An empty list of peers allows every client."""

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
    """The types of a section's fields, by the names in the values."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def text() -> str:
    """The schema as JSON."""
    made = msgspec.json.schema(Values)
    types = made["$defs"]
    types["Profile"]["properties"] |= {name: {"type": kind} for name, kind in _PROFILE_TYPES.items()}
    types["Format"]["properties"] |= _FORMAT_TYPES
    for name, fields in _OMITTED_SETTINGS.items():
        for field in fields:
            del types[name]["properties"][field]
    _shape(types)
    types["Values"]["properties"]["replicas"]["minimum"] = 0
    for name in ("Thresholds", "AgentThresholds"):  # 0 is always exceeded
        for field in types[name]["properties"].values():
            if field.pop("minimum", None) is not None:
                field["exclusiveMinimum"] = 0
    # Paths of a profile or a log format are not valid here, because the pod has no such file.
    types["CodeRuns"]["properties"]["kinds"]["minItems"] = 1
    types["CodeRuns"]["properties"]["kinds"]["items"]["not"] = {"type": "string", "pattern": r"\.ya?ml$"}
    types["Logs"]["properties"]["formats"]["items"]["type"] = "object"
    types["Peer"]["minProperties"] = 1
    types["Values"]["properties"]["policyLimits"]["required"] = ["default"]
    seen = json.dumps(made)
    made["$defs"] = {
        name: kind for name, kind in types.items() if f'"#/$defs/{name}"' in seen and name != "Kubernetes"
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of coderun-exporter"}
    return json.dumps(head | made, indent=1) + "\n"


def _shape(types: dict[str, Any]) -> None:
    """Reduces each field to one type or a list of types, and a pattern, so that the errors of Helm are short."""
    for name, kind in types.items():
        kind["required"] = [field for field in kind.get("required", ()) if name in _WITH_REQUIRED]
        for key, field in kind.get("properties", {}).items():
            field.pop("default", None)
            _flatten(field, types)
            if (name, key) in _FORMS:
                field["pattern"] = _FORMS[name, key]
            if (name, key) in _ITEM_FORMS:
                field["items"]["pattern"] = _ITEM_FORMS[name, key]


def _flatten(field: dict[str, Any], types: dict[str, Any]) -> None:
    """Replaces `anyOf` with a list of types: Helm reports each branch on a line. Adds bounds of values."""
    for inner in ("items", "additionalProperties"):
        if isinstance(field.get(inner), dict):
            _flatten(field[inner], types)
    branches = field.pop("anyOf", ())
    names = [branch["type"] for branch in branches if "type" in branch]
    words = [word for branch in branches for word in branch.get("enum", ())]
    if "number" in names and "boolean" not in names:
        names.remove("integer")
        if words:  # dollars
            field |= {"pattern": f"^({'|'.join(words)})$", "exclusiveMinimum": 0}
            names.append("string")
        else:
            field |= {"pattern": _DURATION, "minimum": 0}
    for branch in branches:
        if "$ref" in branch:
            own = types[branch["$ref"].rpartition("/")[2]]
            field |= {key: own[key] for key in ("properties", "required", "additionalProperties")}
            names.append("object")
    if names:
        field["type"] = names
