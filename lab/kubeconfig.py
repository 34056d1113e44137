"""A kubeconfig with one cluster and one user."""

import json
from typing import Any

__all__ = ["kubeconfig"]


def kubeconfig(
    server: str, *, authority: object = "", namespace: str = "", user: dict[str, Any] | None = None
) -> str:
    """The text of a kubeconfig. `authority` is the CA file of the server, `user` the credentials, such as a token."""
    cluster = {"server": server} | ({"certificate-authority": str(authority)} if authority else {})
    context = {"cluster": "lab", "user": "user"} | ({"namespace": namespace} if namespace else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "user", "user": user or {}}],
        "contexts": [{"name": "lab", "context": context}],
    }
    return json.dumps(config)
