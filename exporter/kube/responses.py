"""What an answer that is not a plain 200 means.

Sources: Kubernetes API conventions, "HTTP Status codes" and "Response Status Kind"; RFC 9110 for Retry-After.
"""

import email.utils
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from exporter.kube import errors
from exporter.untrusted import message

__all__ = ["Status", "error_of", "error_of_status"]

_LONGEST_MESSAGE = 300

_KINDS: dict[int, type[errors.KubeError]] = {
    HTTPStatus.BAD_REQUEST: errors.RefusedRequestError,
    HTTPStatus.UNAUTHORIZED: errors.UnauthorizedError,
    HTTPStatus.FORBIDDEN: errors.ForbiddenError,
    HTTPStatus.NOT_FOUND: errors.MissingError,
    HTTPStatus.GONE: errors.GoneError,
    HTTPStatus.UNPROCESSABLE_ENTITY: errors.RefusedRequestError,
    HTTPStatus.TOO_MANY_REQUESTS: errors.ThrottledError,
}
_CODES = range(100, 600)
_PHRASES = {int(status): status.phrase for status in HTTPStatus}


class Details(msgspec.Struct):
    """A part of a Status."""

    retryAfterSeconds: float | None = None  # noqa: N815 - Kubernetes' own name


class Status(msgspec.Struct):
    """An error as the API server words it, as a body or inside a watch."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None
    details: Details | None = None


def error_of(status: int, headers: Mapping[str, str], body: bytes, *, path: str) -> errors.KubeError:
    """The error that an HTTP answer stands for."""
    if status == HTTPStatus.OK:
        kind = message(headers.get("Content-Type", "none"))
        return errors.BrokenAnswerError(
            f"the response at {path} is not JSON but {kind}: is there a proxy in between?", code="not_json"
        )
    try:
        said = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = Status()  # a proxy's HTML page, or nothing: the code has to speak for itself
    text = message(said.message or _PHRASES.get(status, "unknown status"), limit=_LONGEST_MESSAGE)
    error = _error(status, f"{status} at {path}: {text}", _seconds(headers.get("Retry-After")) or _wish(said))
    if isinstance(error, errors.MissingError):
        error.by_api_server = bool(headers.get("Audit-Id"))  # every answer of a kube-apiserver has one
    return error


def error_of_status(said: Status, *, path: str) -> errors.KubeError:
    """The error that an ERROR event of a watch stands for."""
    code = said.code or HTTPStatus.INTERNAL_SERVER_ERROR
    text = message(said.message or said.reason or "", limit=_LONGEST_MESSAGE)
    return _error(code, f"{code} in the watch at {path}: {text}", _wish(said))


def _error(status: int, text: str, retry_after: float | None) -> errors.KubeError:
    fallback = errors.BrokenAnswerError if status < HTTPStatus.BAD_REQUEST else errors.ServerError
    code = str(status) if status in _CODES else "other"  # it becomes a label, and an ERROR event may hold any integer
    return _KINDS.get(status, fallback)(text, code=code, retry_after=retry_after)


def _wish(said: Status) -> float | None:
    return said.details.retryAfterSeconds if said.details else None


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After as seconds from now, which may also be given as a date."""
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
