"""The options of a list or a watch: parses and validates the query as the API server does.

Source: ListOptions of the Kubernetes API reference, the validation of `k8s.io/apimachinery`, and KEP-3157 for
sendInitialEvents.
"""

import dataclasses
from collections.abc import Mapping

from lab.apiserver import status

__all__ = ["ListOptions", "parse"]

NOT_OLDER_THAN = "NotOlderThan"
EXACT = "Exact"
FORBIDDEN, NOT_SUPPORTED = "FieldValueForbidden", "FieldValueNotSupported"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOptions:
    """The options of a request. `version` is None if no resourceVersion is given; 0 means any."""

    watch: bool
    limit: int
    token: str
    labels: str
    fields: str
    version: int | None
    match: str
    send_initial_events: bool | None
    bookmarks: bool
    timeout: int | None

    @property
    def exact(self) -> bool:
        """Whether the list must be exactly that at `version`."""
        return self.match == EXACT or (not self.match and bool(self.limit) and bool(self.version))

    @property
    def initial_events(self) -> bool:
        """Whether a watch begins with the current objects: on request, or without a resourceVersion."""
        return not self.version if self.send_initial_events is None else self.send_initial_events


def parse(query: Mapping[str, str]) -> ListOptions:
    """Parses a query. Raises StatusError: 400 if it is invalid, 422 for options that cannot be combined."""
    options = ListOptions(
        watch=_flag(query.get("watch")) or False,
        limit=max(0, _integer(query.get("limit")) or 0),
        token=query.get("continue", ""),
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        version=_version(query),
        match=query.get("resourceVersionMatch", ""),
        send_initial_events=_flag(query.get("sendInitialEvents")),
        bookmarks=_flag(query.get("allowWatchBookmarks")) or False,
        timeout=_integer(query.get("timeoutSeconds")),
    )
    causes = _watch_causes(options) if options.watch else _list_causes(options)
    if causes:
        raise status.invalid("ListOptions", "meta.k8s.io", "", *causes)
    if options.token and options.version:
        raise status.bad_request("specifying resource version is not allowed when using continue")
    return options


def _watch_causes(options: ListOptions) -> list[status.Cause]:
    causes = []
    if options.send_initial_events is None:
        if options.match:
            text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            causes.append(_forbidden("resourceVersionMatch", text))
    elif options.match != NOT_OLDER_THAN:
        text = f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}"
        causes.append(_forbidden("resourceVersionMatch", text))
    if options.match and options.match != NOT_OLDER_THAN:
        causes.append(_unsupported(options.match, NOT_OLDER_THAN))
    if options.token:
        text = "resourceVersionMatch is forbidden when continue is provided"
        causes.append(_forbidden("resourceVersionMatch", text))
    return causes


def _list_causes(options: ListOptions) -> list[status.Cause]:
    causes = []
    if options.send_initial_events is not None:
        causes.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if not options.match:
        return causes
    if options.version is None:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        causes.append(_forbidden("resourceVersionMatch", text))
    if options.token:
        text = "resourceVersionMatch is forbidden when continue is provided"
        causes.append(_forbidden("resourceVersionMatch", text))
    if options.match not in {EXACT, NOT_OLDER_THAN}:
        causes.append(_unsupported(options.match, EXACT, NOT_OLDER_THAN, ""))
    if options.match == EXACT and options.version == 0:
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        causes.append(_forbidden("resourceVersionMatch", text))
    return causes


def _forbidden(field: str, text: str) -> status.Cause:
    return status.Cause(FORBIDDEN, field, f"Forbidden: {text}")


def _unsupported(value: str, *supported: str) -> status.Cause:
    names = ", ".join(f'"{each}"' for each in supported)
    text = f'Unsupported value: "{value}": supported values: {names}'
    return status.Cause(NOT_SUPPORTED, "resourceVersionMatch", text)


def _flag(text: str | None) -> bool | None:
    """A boolean as the API server parses it: everything but `false` and `0` is true."""
    return None if text is None else text.lower() not in {"false", "0"}


def _integer(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error


def _version(query: Mapping[str, str]) -> int | None:
    text = query.get("resourceVersion", "")
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    wrong = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    if _flag(query.get("watch")):
        raise status.StatusError(500, "", wrong)
    raise status.bad_request(f"invalid resource version: {wrong}")
