"""Whether the exporter lives, and whether it has read what it needs."""

from collections.abc import Sequence

from aiohttp import web

from exporter.notices import Notices
from exporter.telemetry import ResourceStatus

__all__ = ["Health"]


class Health:
    """`groups` are the lists and watches, by resource; `required` names those that readiness waits for.

    `notices` are for people, and change nothing of the answers.
    """

    def __init__(
        self, *, groups: "dict[str, list[ResourceStatus]]", required: Sequence[str], notices: Notices | None = None
    ) -> None:
        self.notices = notices or Notices()
        self._groups = groups
        self._required = required

    @property
    def statuses(self) -> list[ResourceStatus]:
        """Every list and watch."""
        return [status for group in self._groups.values() for status in group]

    def answered(self, resource: str) -> bool:
        """Whether everything of this resource was read whole once, or refused; true where nothing of it is wanted.

        Where some of it is required, the rest may come later: one kind that cannot be listed hides no other.
        """
        group = self._groups.get(resource, ())
        return not any(status.pending for status in [one for one in group if one.required] or group)

    def is_ready(self) -> bool:
        """Whether every required resource has been read whole, at least where it may be read."""
        return not self._missing()

    def _missing(self) -> list[str]:
        """The required resources of which something is still to come, or nothing may be read at all."""
        own = {name: [status for status in self._groups[name] if status.required] for name in self._required}
        return [
            name
            for name, statuses in own.items()
            if any(status.pending for status in statuses) or all(status.last_sync is None for status in statuses)
        ]

    async def live(self, _: web.Request) -> web.Response:
        """200 as long as the event loop turns: an API server that is down is no reason to restart."""
        return web.Response(text="ok\n")

    async def ready(self, _: web.Request) -> web.Response:
        """200 or 503, with the states of each resource and nothing else: everybody may read it."""
        missing = self._missing()
        lines = [_line(name, statuses) for name, statuses in self._groups.items() if statuses]
        lines.append(f"not ready: waits for {' and '.join(missing)}" if missing else "ready")
        return web.Response(text="\n".join(lines) + "\n", status=503 if missing else 200)


def _line(resource: str, statuses: Sequence[ResourceStatus]) -> str:
    states = sorted({status.state for status in statuses})
    paged = ", lists in pages" if any(status.note for status in statuses) else ""
    return f"[{'+' if states == ['watching'] else '-'}] {resource}: {', '.join(states)}{paged}"
