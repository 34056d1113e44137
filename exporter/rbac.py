"""Generates RBAC manifests with the permissions that the exporter needs for the settings.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from exporter.config import Settings
from exporter.informers import watch_config
from exporter.resources import RESOURCES
from exporter.resources.resource import ListWatch
from exporter.resources.wanted import WatchConfig

__all__ = ["Account", "GrantError", "Manifest", "manifests"]

Manifest = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"
_LOGS: Manifest = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # RFC 1123: names of objects and API groups
_PATTERN = re.compile(r"[a-z0-9*]([-a-z0-9.*]{0,251}[a-z0-9*])?")  # a subdomain with * for any text
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class GrantError(ValueError):
    """A name is invalid in a rule: `*` and an empty resourceName would grant additional permissions."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """The ServiceAccount of the exporter's pods. Its roles and bindings have its name."""

    name: str = "coderun-exporter"
    namespace: str = "agent-platform"


def manifests(settings: Settings, *, account: Account) -> list[Manifest]:
    """A role and its binding for the cluster or for each namespace, then a role for the required ConfigMaps.

    That role has the name NAME-configmaps, because its namespace may have a role NAME as well. Several exporters with
    different namespaces share it. Raises GrantError.
    """
    wanted = watch_config(settings)
    _check(wanted, account)
    roles: dict[tuple[str, str | None], list[ListWatch]] = {}
    for resource in RESOURCES:
        for watch in resource.lists(wanted):
            roles.setdefault((f"{account.name}{resource.role}", watch.namespace), []).append(watch)
    rules = {place: _rules(found) for place, found in roles.items()}
    for scope in wanted.scopes if wanted.logs else ():
        rules[account.name, scope].append(_LOGS)
    result = [item for (name, space), some in rules.items() for item in _role(some, name, space, account)]
    if settings.web.kubernetes_auth:
        result.append(_auth_delegator(account))
    return result


def _auth_delegator(account: Account) -> Manifest:
    """The binding to `system:auth-delegator`, which permits TokenReviews and SubjectAccessReviews in the cluster."""
    name = f"{account.name}-{account.namespace}-auth-delegator"  # unique if there are exporters in several namespaces
    return _binding("ClusterRole", "system:auth-delegator", _metadata(name, None), account)


def _rules(watches: Iterable[ListWatch]) -> list[Manifest]:
    """One rule for each resource, with resourceNames if only these objects are read. RBAC does not support selectors.

    A streamed list needs `watch`. Paged lists and the command `check` need `list`.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for watch in watches:
        names.setdefault((watch.group, watch.plural), []).append(watch.name)
    return [
        {"apiGroups": [group], "resources": [plural], "verbs": ["list", "watch"]}
        | ({"resourceNames": known} if all(known) else {})
        for (group, plural), known in names.items()
    ]


def _role(rules: list[Manifest], name: str, namespace: str | None, account: Account) -> tuple[Manifest, Manifest]:
    """A Role with these rules and its binding; namespace None: a ClusterRole."""
    kind, metadata = "Role" if namespace else "ClusterRole", _metadata(name, namespace)
    role = {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": metadata, "rules": rules}
    return role, _binding(kind, name, metadata, account)


def _metadata(name: str, namespace: str | None) -> Manifest:
    labels = {"labels": {"app.kubernetes.io/name": "coderun-exporter"}}
    return {"name": name} | ({"namespace": namespace} if namespace else {}) | labels


def _binding(kind: str, role: str, metadata: Manifest, account: Account) -> Manifest:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}],
    }


def _check(wanted: WatchConfig, account: Account) -> None:
    for what, name, form in (
        ("a ServiceAccount", account.name, _SUBDOMAIN),
        ("a namespace", account.namespace, _LABEL),
        *(("an API group", kind.group, _SUBDOMAIN) for kind in wanted.custom_kinds),
        *(("a resource", kind.plural, _LABEL) for kind in wanted.custom_kinds),
        *(("a ConfigMap", item.name, _PATTERN) for item in wanted.configmaps),
    ):
        if not form.fullmatch(name):
            raise GrantError(f"{name!r} is not the name of {what}: no permission is generated for it")
