"""What the exporter must be granted, made from what it reads: RBAC manifests, and not one right more.

Source of the shapes: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from exporter.config import Settings
from exporter.informers import wanted_of
from exporter.resources import RESOURCES
from exporter.resources.resource import ListWatch
from exporter.resources.wanted import Wanted

__all__ = ["Account", "GrantError", "Manifest", "manifests"]

Manifest = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")  # RFC 1123, as in objects' names and in API groups
_PATTERN = re.compile(r"[a-z0-9*]([-a-z0-9.*]{0,251}[a-z0-9*])?")  # a subdomain in which * stands for any text
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class GrantError(ValueError):
    """A name that must not stand in a rule: `*` and an empty resourceName grant what nobody asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """The ServiceAccount that the exporter's pods run as. Its roles and bindings are named after it."""

    name: str = "coderun-exporter"
    namespace: str = "agent-platform"


def manifests(settings: Settings, *, account: Account) -> list[Manifest]:
    """A role and its binding for the cluster or for each namespace, then one for the required ConfigMaps.

    That last one has a name of its own, NAME-configmaps: its namespace may be one of the others, and exporters
    that share the namespaces between them share it. Raises GrantError.
    """
    wanted = wanted_of(settings)
    _check(wanted, account)
    roles: dict[tuple[str, str | None], list[ListWatch]] = {}
    for resource in RESOURCES:
        for watch in resource.lists(wanted):
            roles.setdefault((f"{account.name}{resource.role}", watch.namespace), []).append(watch)
    made = [item for (name, space), found in roles.items() for item in _granted(_rules(found), name, space, account)]
    if settings.web.kubernetes_auth:
        made.append(_reviewing(account))
    return made


def _reviewing(account: Account) -> Manifest:
    """Kubernetes' own role for who asks whose a token is, and what he may. It is always the whole cluster's."""
    name = f"{account.name}-{account.namespace}-auth-delegator"  # there is one for each namespace of exporters
    return _binding("ClusterRole", "system:auth-delegator", _metadata(name, None), account)


def _rules(watches: Iterable[ListWatch]) -> list[Manifest]:
    """One for each resource, with the names of the objects where only these are read. RBAC knows no selectors.

    A streamed list is a `watch` to the API server. `list` is asked by `check`, and where lists are not streamed.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for watch in watches:
        names.setdefault((watch.group, watch.plural), []).append(watch.name)
    return [
        {"apiGroups": [group], "resources": [plural], "verbs": ["list", "watch"]}
        | ({"resourceNames": known} if all(known) else {})
        for (group, plural), known in names.items()
    ]


def _granted(rules: list[Manifest], name: str, namespace: str | None, account: Account) -> tuple[Manifest, Manifest]:
    """A role with these rules and its binding; namespace None: for the whole cluster."""
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


def _check(wanted: Wanted, account: Account) -> None:
    for what, name, form in (
        ("a ServiceAccount", account.name, _SUBDOMAIN),
        ("a namespace", account.namespace, _LABEL),
        *(("an API group", kind.group, _SUBDOMAIN) for kind in wanted.custom_kinds),
        *(("a resource", kind.plural, _LABEL) for kind in wanted.custom_kinds),
        *(("a ConfigMap", item.name, _PATTERN) for item in wanted.configmaps),
    ):
        if not form.fullmatch(name):
            raise GrantError(f"{name!r} is not the name of {what}: no permission is generated for it")
