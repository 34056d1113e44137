"""Converts error responses to exceptions.

Sources: Kubernetes API conventions, "HTTP Status codes" and "Response Status Kind"; RFC 9110 for Retry-After.
"""

import email.utils
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from exporter.kube import errors
from exporter.untrusted import redact_message

__all__ = ["Status", "error_from_response", "error_from_status"]

_MAX_MESSAGE_LENGTH = 300

_KINDS: dict[int, type[errors.KubeError]] = {
    HTTPStatus.BAD_REQUEST: errors.BadRequestError,
    HTTPStatus.UNAUTHORIZED: errors.UnauthorizedError,
    HTTPStatus.FORBIDDEN: errors.ForbiddenError,
    HTTPStatus.NOT_FOUND: errors.NotFoundError,
    HTTPStatus.GONE: errors.GoneError,
    HTTPStatus.UNPROCESSABLE_ENTITY: errors.BadRequestError,
    HTTPStatus.TOO_MANY_REQUESTS: errors.TooManyRequestsError,
}
_CODES = range(100, 600)
_PHRASES = {int(status): status.phrase for status in HTTPStatus}


class Details(msgspec.Struct):
    """The details of a Status."""

    retryAfterSeconds: float | None = None  # noqa: N815 - the name in the Kubernetes API


class Status(msgspec.Struct):
    """A Status of the API server, as a response or in a watch."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None
    details: Details | None = None


def error_from_response(status: int, headers: Mapping[str, str], body: bytes, *, path: str) -> errors.KubeError:
    """The error for an HTTP response."""
    if status == HTTPStatus.OK:
        kind = redact_message(headers.get("Content-Type", "none"))
        return errors.InvalidResponseError(
            f"the response at {path} is not JSON but {kind}: is there a proxy in between?", code="not_json"
        )
    try:
        details = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        details = Status()  # such as a proxy's HTML page: only the code is known
    text = redact_message(details.message or _PHRASES.get(status, "unknown status"), limit=_MAX_MESSAGE_LENGTH)
    retry_after = _seconds(headers.get("Retry-After")) or _retry_after(details)
    error = _error(status, f"{status} at {path}: {text}", retry_after)
    if isinstance(error, errors.NotFoundError):
        error.by_api_server = bool(headers.get("Audit-Id"))  # kube-apiserver sends it with every response
    return error


def error_from_status(status: Status, *, path: str) -> errors.KubeError:
    """The error for the Status of an ERROR event."""
    code = status.code or HTTPStatus.INTERNAL_SERVER_ERROR
    text = redact_message(status.message or status.reason or "", limit=_MAX_MESSAGE_LENGTH)
    return _error(code, f"{code} in the watch at {path}: {text}", _retry_after(status))


def _error(status: int, text: str, retry_after: float | None) -> errors.KubeError:
    fallback = errors.InvalidResponseError if status < HTTPStatus.BAD_REQUEST else errors.ServerError
    code = str(status) if status in _CODES else "other"  # it becomes a label, and an ERROR event may have any integer
    return _KINDS.get(status, fallback)(text, code=code, retry_after=retry_after)


def _retry_after(status: Status) -> float | None:
    return status.details.retryAfterSeconds if status.details else None


def _seconds(retry_after: str | None) -> float | None:
    """The seconds from now of a Retry-After header, which has a number or a date; None if it is invalid."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
