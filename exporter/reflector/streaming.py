"""Reads streamed lists (WatchList, KEP-3157), and decides when to use paged lists instead.

A streamed list ends with a bookmark, but some proxies and aggregated API servers drop bookmarks. So a stream without
progress is cancelled, and the list is read in pages. Streaming is then disabled for an hour, because each attempt
takes some seconds.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from exporter.kube.budget import Share
from exporter.kube.errors import EndlessListError, InvalidResponseError, KubeError, ServerError
from exporter.reflector.source import Delete, Snapshot, Source, Upsert
from exporter.reflector.watching import InitialEventsEnd, WatchEvent

__all__ = ["RECORD_BYTES", "Streaming", "read_streamed"]

R = TypeVar("R")

RECORD_BYTES = 512
"""Approximate memory of a new record, which counts against the budget until its list is complete."""

_PROGRESS_SECONDS = 10.0
_MIN_NEW = 20  # new objects in `_PROGRESS_SECONDS`
_MIN_NEW_RATIO = 0.05  # of the objects so far
_MAX_NEW = 500
"""Maximum of the required progress. It is low enough for a large list from a server under load."""
_RETRY_SECONDS = 3600.0
_MAX_FAILURES = 2


class Streaming:
    """Whether to stream the lists of one resource. `monotonic` returns seconds."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._paged_until = float("-inf")
        self._failures = 0
        self._reason = ""

    def is_enabled(self) -> bool:
        """Whether to stream the next list: not after two failures in a row."""
        return self._failures < _MAX_FAILURES and self._monotonic() >= self._paged_until

    def record_failure(self, error: KubeError) -> None:
        """Records that a streamed list failed. Counts failures that a paged list may not have."""
        if isinstance(error, EndlessListError):
            self._failures = _MAX_FAILURES
        elif isinstance(error, InvalidResponseError | ServerError) or error.code in {"cut", "timeout"}:
            self._failures += 1
        self._reason = str(error)

    def reset(self) -> None:
        """Resets the failures: a list was streamed, or a paged list failed as well."""
        self._failures = 0

    def record_paged_list(self) -> str:
        """Records a paged list. If streaming failed before, disables it for an hour and returns the reason."""
        failed, self._failures = self._failures >= _MAX_FAILURES, 0
        if not failed:
            return ""
        self._paged_until = self._monotonic() + _RETRY_SECONDS
        return self._reason


async def read_streamed(
    batches: AsyncGenerator[list[WatchEvent[R]], None], source: Source[R], share: Share, *, idle: float
) -> tuple[Snapshot[R], list[WatchEvent[R]]]:
    """The initial list of a stream, and the changes in the same batch after its end.

    The server may send nothing for `idle` + 10 seconds before the first object. Raises EndlessListError if later a
    period of 10 s has fewer new objects than 5 % of the list (at least 20, at most 500): such a stream sends changes,
    not a list.
    """
    records: dict[str, R] = {}
    total = due = 0
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(idle + _PROGRESS_SECONDS) as limit:
            async for batch in batches:
                for index, change in enumerate(batch):
                    if isinstance(change, InitialEventsEnd):
                        return Snapshot(records, change.version, watched=True), batch[index + 1 :]
                    if isinstance(change, Upsert):
                        total += _upsert(records, change, source, share)
                    elif isinstance(change, Delete):
                        records.pop(change.uid, None)
                        total += change.still_exists  # the list contains this object, and the exporter ignores it
                if total >= due:
                    due = total + min(max(_MIN_NEW, round(total * _MIN_NEW_RATIO)), _MAX_NEW)
                    limit.reschedule(clock() + _PROGRESS_SECONDS)
    except TimeoutError as error:
        raise EndlessListError(
            f"the streamed list at {source.path} does not end: after {total} objects its end was not received within "
            f"{_PROGRESS_SECONDS:g} s",
            code="endless",
        ) from error
    raise InvalidResponseError(f"a list ended before it was complete at {source.path}", code="cut")


def _upsert(records: dict[str, Any], change: Upsert[Any], source: Source[Any], share: Share) -> bool:
    """Adds or updates a record of the list. Returns whether it is new."""
    is_new = change.uid not in records
    record = source.reuse_if_equal(change.record)
    if is_new and record is change.record:
        share.add(RECORD_BYTES)
    records[change.uid] = record
    return is_new
