"""Error responses of the API server: Status objects with message, reason, code and details.

Source: the Status kind of the Kubernetes API conventions, and the responses of kube-apiserver 1.36.
"""

from typing import Any, NamedTuple

import msgspec
from aiohttp import web

__all__ = [
    "Cause",
    "PageNotFoundError",
    "StatusError",
    "already_exists",
    "bad_request",
    "conflict",
    "invalid",
    "method_not_allowed",
    "missing_resource",
    "not_found",
    "too_large_version",
    "too_old_version",
]


class StatusError(Exception):
    """A rejected request; `body()` is the Status object of the response."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: dict[str, Any] | None = None, token: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self._reason = reason
        self._message = message
        self._details = details
        self._token = token

    def body(self) -> dict[str, Any]:
        """The Status object, as JSON types."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self._token} if self._token else {},
            "status": "Failure",
            "message": self._message,
        }
        if self._reason:
            status["reason"] = self._reason
        if self._details is not None:
            status["details"] = self._details
        return {**status, "code": self.code}

    def response(self) -> web.Response:
        """The HTTP response, with Retry-After if the details have a time."""
        seconds = (self._details or {}).get("retryAfterSeconds")
        headers = {"Retry-After": str(seconds)} if seconds else None
        body = msgspec.json.encode(self.body())
        return web.Response(status=self.code, body=body, content_type="application/json", headers=headers)


class PageNotFoundError(Exception):
    """A path that no group serves: the only error response in plain text."""


class Cause(NamedTuple):
    """A reason for which an object is invalid; `reason` is FieldValueForbidden, FieldValueInvalid and the like."""

    reason: str
    field: str
    message: str


def not_found(resource: str, group: str, name: str) -> StatusError:
    """404: no such object. `resource` is the plural, e.g. `coderuns`."""
    text = f'{_qualified(resource, group)} "{name}" not found'
    return StatusError(404, "NotFound", text, details=_details(resource, group, name))


def missing_resource() -> StatusError:
    """404: the group is served, but it has no such resource or subresource."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(resource: str, group: str, name: str) -> StatusError:
    """409: an object of this name exists."""
    text = f'{_qualified(resource, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", text, details=_details(resource, group, name))


def conflict(resource: str, group: str, name: str, why: str) -> StatusError:
    """409: the object differs from the one that the client expects."""
    text = f'Operation cannot be fulfilled on {_qualified(resource, group)} "{name}": {why}'
    return StatusError(409, "Conflict", text, details=_details(resource, group, name))


def bad_request(message: str) -> StatusError:
    """400: the request is invalid."""
    return StatusError(400, "BadRequest", message)


def method_not_allowed() -> StatusError:
    """405."""
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, details={})


def invalid(kind: str, group: str, name: str, *causes: Cause) -> StatusError:
    """422: the object is invalid."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {**_details(kind, group, name), "causes": [cause._asdict() for cause in causes]}
    return StatusError(422, "Invalid", f'{_qualified(kind, group)} "{name}" is invalid: {text}', details=details)


def too_old_version(asked: int, oldest: int) -> StatusError:
    """410: the changes since that version were dropped."""
    return StatusError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def too_large_version(asked: int, current: int) -> StatusError:
    """504: a future version. The real server waits three seconds for it first."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": 1}
    text = f"Timeout: Too large resource version: {asked}, current: {current}"
    return StatusError(504, "Timeout", text, details=details)


def _qualified(resource: str, group: str) -> str:
    return f"{resource}.{group}" if group else resource


def _details(resource: str, group: str, name: str) -> dict[str, Any]:
    details = {"name": name, "group": group, "kind": resource}
    return {key: value for key, value in details.items() if value}
