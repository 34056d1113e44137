"""Errors of the kubeconfig and of requests to the API server.

Each message is one line that names the problem and its place. Messages are shown in logs and on the status page, so
they never contain a credential.
"""

from typing import ClassVar

__all__ = [
    "BadRequestError",
    "EndlessListError",
    "ForbiddenError",
    "GoneError",
    "InvalidResponseError",
    "KubeConfigError",
    "KubeError",
    "NoContentError",
    "NotFoundError",
    "ServerError",
    "TooLargeError",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnreachableError",
]


class KubeConfigError(Exception):
    """The kubeconfig, or a file or plugin that it names, cannot be used. Raised at startup."""


class KubeError(Exception):
    """A failed request.

    `code` is the value of the label `code` of `coderun_exporter_errors_total`: the HTTP status, or a word such as
    `timeout` or `not_json` if there is no status. `retry_after` is the server's Retry-After in seconds, if any.
    `state` is the state of the list and watch after this error.
    """

    state: ClassVar[str] = "unreachable"

    def __init__(self, text: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.retry_after = retry_after


class UnreachableError(KubeError):
    """No response: connection refused or reset, DNS or TLS failure, timeout."""


class InvalidResponseError(KubeError):
    """A response that is not valid for Kubernetes: HTML from a proxy, truncated JSON, a line that is too long."""


class EndlessListError(InvalidResponseError):
    """The server sends pages or objects of a list without end."""


class UnauthorizedError(KubeError):
    """401, after the credentials were renewed once."""

    state = "unauthorized"


class ForbiddenError(KubeError):
    """403: the credentials are valid, but not authorized."""

    state = "forbidden"


class NotFoundError(KubeError):
    """404: the resource does not exist, because its CRD is not installed.

    `by_api_server`: the response is from an API server, and not from a proxy.
    """

    state = "missing"
    by_api_server = False


class GoneError(KubeError):
    """410, as an HTTP status or in a watch: the resourceVersion is too old."""


class TooManyRequestsError(KubeError):
    """429: too many requests."""


class BadRequestError(KubeError):
    """400 or 422: the server does not support the request."""


class ServerError(KubeError):
    """5xx: a fault of the server."""


class NoContentError(KubeError):
    """204: the log of a Pod that has no node yet."""


class TooLargeError(KubeError):
    """A response that exceeds its memory limit."""
