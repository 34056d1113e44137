"""Whether a list is streamed (WatchList, KEP-3157): some servers take the request, and never end the list.

The end is a bookmark, and proxies and aggregated servers drop bookmarks. So a list that makes no progress is given up
and read in pages, and that is remembered: each try costs some seconds.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from exporter.kube.budget import Share
from exporter.kube.errors import BrokenAnswerError, EndlessListError, KubeError, ServerError
from exporter.reflector.source import Put, Snapshot, Source
from exporter.reflector.watching import InitialEventsEnd, Watched

__all__ = ["RECORD_BYTES", "Streaming", "whole"]

R = TypeVar("R")

RECORD_BYTES = 512
"""What a new record takes until its list is in place, about."""

_PROGRESS_SECONDS = 10.0
_LEAST_NEW = 20
_LEAST_SHARE = 0.05
_MOST_NEW = 500
"""Of a large list under load a share would be more than a busy server or exporter can do."""
_AGAIN_SECONDS = 3600.0
_FAILURES = 2


class Streaming:
    """What is known of one server and resource. `monotonic` gives seconds."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._paged_until = float("-inf")
        self._failures = 0
        self._reason = ""

    def is_wanted(self) -> bool:
        """Whether to stream the next list. Another way is tried after two failures in a row."""
        return self._failures < _FAILURES and self._monotonic() >= self._paged_until

    def failed(self, error: KubeError) -> None:
        """A streamed list failed: it does not end, or in a way that need not concern pages."""
        if isinstance(error, EndlessListError):
            self._failures = _FAILURES
        elif isinstance(error, BrokenAnswerError | ServerError) or error.code in {"cut", "timeout"}:
            self._failures += 1
        self._reason = str(error)

    def unknown(self) -> None:
        """A list was streamed, or cannot be read in pages either: nothing speaks against streaming."""
        self._failures = 0

    def paged(self) -> str:
        """A list was read in pages. If streaming failed before, it is not tried for an hour; why it failed."""
        failed, self._failures = self._failures >= _FAILURES, 0
        if not failed:
            return ""
        self._paged_until = self._monotonic() + _AGAIN_SECONDS
        return self._reason


async def whole(
    batches: AsyncGenerator[list[Watched[R]], None], source: Source[R], share: Share, *, idle: float
) -> tuple[Snapshot[R], list[Watched[R]]]:
    """The list that a stream begins with, and the changes that came with its end.

    The server may be silent for `idle` seconds before it begins. Raises EndlessListError where afterwards 10 s bring
    fewer than 20 new objects, or less than 5 % more than there were, at most 500: what comes slower are changes, and
    no list.
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
                    if isinstance(change, Put):
                        total += _keep(records, change, source, share)
                if total >= due:
                    due = total + min(max(_LEAST_NEW, round(total * _LEAST_SHARE)), _MOST_NEW)
                    limit.reschedule(clock() + _PROGRESS_SECONDS)
    except TimeoutError as error:
        raise EndlessListError(
            f"the streamed list at {source.path} does not end: after {total} objects its end was not received within "
            f"{_PROGRESS_SECONDS:g} s",
            code="endless",
        ) from error
    raise BrokenAnswerError(f"a list ended before it was complete at {source.path}", code="cut")


def _keep(records: dict[str, Any], change: Put[Any], source: Source[Any], share: Share) -> bool:
    """Applies a change to the list. True for an object that is new in it."""
    if change.record is None:
        records.pop(change.uid, None)
        return change.added
    is_new = change.uid not in records
    record = source.reuse_if_equal(change.record)
    if is_new and record is change.record:
        share.add(RECORD_BYTES)
    records[change.uid] = record
    return is_new
