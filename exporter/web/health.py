"""Liveness and readiness."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from exporter.notices import Notices
from exporter.telemetry import ResourceStatus

__all__ = ["Health"]

_PATIENCE_SECONDS = 60.0


class Health:
    """`groups` are the statuses of lists and watches, by resource. Readiness requires the resources in `required`.

    `notices` are shown on the status page and do not affect health.
    """

    def __init__(
        self, *, groups: "dict[str, list[ResourceStatus]]", required: Sequence[str], notices: Notices | None = None
    ) -> None:
        self.notices = notices or Notices()
        self.logs: Mapping[str, int] | None = None
        """The number of containers by the state of reading their logs; None if logs are not read."""
        self._groups = groups
        self._required = required

    @property
    def statuses(self) -> list[ResourceStatus]:
        """The statuses of all lists and watches."""
        return [status for group in self._groups.values() for status in group]

    def has_synced(self, resource: str) -> bool:
        """Whether no initial list of this resource is pending: each has completed, or is forbidden or missing.

        If some lists are required, only these are considered, so that an optional kind that cannot be listed does not
        hide metrics.
        """
        group = self._groups.get(resource, ())
        return not any(status.pending for status in [one for one in group if one.required] or group)

    def tried(self, resource: str, *, now: float) -> bool:
        """Whether each initial list of this resource has completed or failed once, or has taken a minute."""
        first = [status for status in self._groups.get(resource, ()) if status.pending and status.state == "syncing"]
        return not any(now - status.since < _PATIENCE_SECONDS for status in first)

    def is_ready(self) -> bool:
        """Whether the initial lists of all required resources have completed, in at least one readable scope each."""
        return not self._missing()

    def _missing(self) -> list[str]:
        """The required resources with a pending initial list, or without any completed one."""
        required = {name: [status for status in self._groups[name] if status.required] for name in self._required}
        return [
            name
            for name, statuses in required.items()
            if any(status.pending for status in statuses) or all(status.last_sync is None for status in statuses)
        ]

    async def live(self, _: web.Request) -> web.Response:
        """200 while the event loop runs. It does not depend on the API server, because a restart would not help."""
        return web.Response(text="ok\n")

    async def ready(self, _: web.Request) -> web.Response:
        """200 or 503, with only the states of each resource, because it needs no authentication."""
        missing = self._missing()
        lines = [_line(name, statuses) for name, statuses in self._groups.items() if statuses]
        lines.append(f"not ready: waiting for {' and '.join(missing)}" if missing else "ready")
        return web.Response(text="\n".join(lines) + "\n", status=503 if missing else 200)


def _line(resource: str, statuses: Sequence[ResourceStatus]) -> str:
    states = sorted({status.state for status in statuses})
    paged = ", lists in pages" if any(status.note for status in statuses) else ""
    return f"[{'+' if states == ['watching'] else '-'}] {resource}: {', '.join(states)}{paged}"
