"""What can go wrong at the API server, as the rest of the house tells it apart.

Each error's text is one line that says what is wrong and where; it goes to logs, `/readyz` and the status
page, so it never holds a credential.
"""

from typing import ClassVar

__all__ = [
    "BrokenAnswerError",
    "EndlessListError",
    "ForbiddenError",
    "GoneError",
    "KubeConfigError",
    "KubeError",
    "MissingError",
    "RefusedRequestError",
    "ServerError",
    "ThrottledError",
    "TooLargeError",
    "UnauthorizedError",
    "UnreachableError",
]


class KubeConfigError(Exception):
    """The kubeconfig, or what it names, cannot be used: a wrong setting, told before anything is served."""


class KubeError(Exception):
    """A request that did not give what was asked for.

    `code` is what `coderun_exporter_errors_total` counts it under: an HTTP status, or a word for what never
    got one. `retry_after` is the server's own wish in seconds, where it told one. `state` is what a resource is
    in while its requests end like this.
    """

    state: ClassVar[str] = "unreachable"

    def __init__(self, text: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.retry_after = retry_after


class UnreachableError(KubeError):
    """No answer: refused, reset, not resolved, TLS that does not verify, silence."""


class BrokenAnswerError(KubeError):
    """An answer that is not Kubernetes: HTML from a proxy, truncated JSON, a line without an end."""


class EndlessListError(BrokenAnswerError):
    """A list that the server does not end."""


class UnauthorizedError(KubeError):
    """401, after the credentials were read again once."""

    state = "unauthorized"


class ForbiddenError(KubeError):
    """403: the server knows us, and says no."""

    state = "forbidden"


class MissingError(KubeError):
    """404: no such resource, which means that its CRD is not installed.

    `by_api_server`: a proxy in between would say 404 as well, and about nothing.
    """

    state = "missing"
    by_api_server = False


class GoneError(KubeError):
    """410, as a status or inside a watch: the version is too old to go on from."""


class ThrottledError(KubeError):
    """429: asked to come back later."""


class RefusedRequestError(KubeError):
    """400 or 422: this server does not know how to answer a request of this form."""


class ServerError(KubeError):
    """5xx: the server's own trouble."""


class TooLargeError(KubeError):
    """An answer for which there is not enough memory."""
