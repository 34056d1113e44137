"""A stand-in for kube-apiserver, over real HTTP: for the demo, for tests and for the bench.

It answers as a real one does in all that `tests/integration/test_api_*.py` claim; those tests run against both.
It has no controllers, no admission, no RBAC, no discovery and no defaulting of fields. What a cluster's
controllers would do is done at once where the demo needs it: a deleted owner takes its dependents along, a deleted
namespace its contents.
"""

from lab.apiserver.server import StandInApiServer

__all__ = ["StandInApiServer"]
