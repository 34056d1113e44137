"""A stand-in for kube-apiserver, over real HTTP, for the demo, the tests and the benchmarks.

Its behavior is that of kube-apiserver as far as `tests/integration/test_api_*.py` describe it; these tests run
against both. It has no controllers, admission, RBAC, discovery or defaulting of fields. Where the demo needs the work
of a controller, the server does it immediately: the deletion of an owner deletes its dependents, and the deletion of
a namespace deletes its contents.
"""

from lab.apiserver.server import StandInApiServer

__all__ = ["StandInApiServer"]
