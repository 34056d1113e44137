"""The cluster and its page, changed together: what an event makes dirty is rendered again, and nothing else."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from exporter.cache import CODERUNS, JOBS, Change, Key, ObjectCache, Record
from exporter.exposition.compressed import CompressedFamilies
from exporter.exposition.exposition import Exposition
from exporter.resources import RESOURCES
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.resource import Resource

__all__ = ["MetricsStore"]

_JOINED = (CODERUNS, JOBS)  # each tells of the other
_SHOWN: Final = {resource.table: resource for resource in RESOURCES if resource.families}


class MetricsStore:
    """Takes changes, gives pages.

    `answered` tells of a resource whether all that is read for it has been read whole once, or refused. Before that
    its families are not shown. Another resource in the same table may come later, or never.
    """

    def __init__(self, *, cache: ObjectCache, history: LifecycleMetrics, answered: Callable[[str], bool]) -> None:
        self.cache = cache
        self._history = history
        self._answered = answered
        self._families = {table: dict(enumerate(resource.families)) for table, resource in _SHOWN.items()}
        self._joining = {
            name: {index: family for index, family in families.items() if family.needs or family.uses}
            for name, families in self._families.items()
        }
        self._sections = {table: self._section(resource) for table, resource in _SHOWN.items()}

    # Changes.

    def replace(self, resource: str, part: str, records: dict[str, Record]) -> None:
        """A whole part at once, after a list."""
        for _ in self.replacing(resource, part, records):
            pass

    def replacing(self, resource: str, part: str, records: dict[str, Record]) -> Iterator[None]:
        """The same; a first list of runs or Jobs in slices, between which other changes may come.

        Nobody sees a part of it: its objects are shown once it is whole, and no run lacks a Job before.
        """
        if resource in _JOINED and not self.cache.table(resource).known(part):
            for some in self.cache.load(resource, part, records):
                self._sections[resource].extend([record.uid for record in some])
                for record in some:
                    self._history.expect(record)
                yield
            for name in _JOINED:
                self._sections[name].touch_all()
            return
        for old, new in self.cache.replace(resource, part, records):
            self._member(resource, old, new)
            self._touch(self._related(resource, old, new))
            self._history.observe(old, new)

    def put(self, change: Change) -> None:
        """One object: its samples, and those of the objects joined with it, are compared before and after."""
        own = Key(change.resource, change.uid)
        old = self.cache.get(own)
        if old == change.record:
            return
        keys = self._related(change.resource, old, change.record)
        before = {key: self._samples(key, joined=key != own) for key in keys}
        self.cache.apply(change)
        self._member(change.resource, old, change.record)
        for key, samples in before.items():
            now = self._samples(key, joined=key != own)
            if samples is None or now is None:
                if samples is not now:
                    self._touch({key})
            elif changed := [family for family, sample in now.items() if sample != samples[family]]:
                self._sections[key.resource].touch(key.uid, changed)
        self._history.observe(old, change.record)

    def advance(self, now: float) -> None:
        """Moves the clock on: what finished longer ago than the retention leaves the page."""
        self._touch(self.cache.advance(now))

    def follow_jobs(self, part: str, *, current: bool) -> None:
        """Whether the Jobs of this part are up to date; see Cluster.is_doubtful."""
        for run in self.cache.follow_jobs(part, current=current):
            self._touch(self._related(CODERUNS, run))

    # Pages.

    def render(self, *, seconds: float) -> bool:
        """Renders what is dirty for about so long; True when nothing is left to do."""
        until = time.monotonic() + seconds
        return all(section.render(until=until) for section in self._shown_sections())

    @property
    def answered(self) -> bool:
        """Whether all resources have been read whole once, or refused."""
        return all(map(self._answered, self._sections))

    @property
    def whole(self) -> bool:
        """Whether every block that is shown was rendered once: what is dirty is then seconds old, and not missing."""
        return all(section.whole for section in self._shown_sections())

    def page(self, *, tail: str) -> Exposition:
        """The page as of now, where `render` said that nothing is left to do; it must be `whole`."""
        return Exposition(
            [
                self._sections[table].family(index)
                for table, resource in _SHOWN.items()
                for index, family in enumerate(resource.families)
                if all(map(self._answered, (table, *family.needs)))
            ],
            tail=tail,
        )

    def _shown_sections(self) -> Sequence[CompressedFamilies]:
        return [section for name, section in self._sections.items() if self._answered(name)]

    def _section(self, resource: Resource) -> CompressedFamilies:
        table = self.cache.table(resource.table)
        shown, cache = self.cache.shown, self.cache

        def lines(families: Sequence[int], uids: Sequence[str]) -> list[str]:
            return resource.lines(families, filter(shown, table.pick(uids)), cache)

        def begins(family: int, uids: Sequence[str]) -> list[str]:
            return resource.begins(family, table.pick(uids))

        return CompressedFamilies(heads=[family.head for family in resource.families], lines=lines, begins=begins)

    def _member(self, resource: str, old: Record | None, new: Record | None) -> None:
        """An object comes and goes, or has another name: then the lines of the old one go as well."""
        if old is not None and new is not None and (old.namespace, old.name) == (new.namespace, new.name):
            return
        if old is not None:
            self._sections[resource].remove(old.uid)
        if new is not None:
            self._sections[resource].add(new.uid)

    def _related(self, table: str, *items: Record | None) -> set[Key]:
        related = _SHOWN[table].related
        return {key for item in items if item is not None for key in related(item, self.cache)}

    def _samples(self, key: Key, *, joined: bool) -> dict[int, object] | None:
        """What each family says of an object; None where it is not shown.

        Of what is only `joined` with a changed object, the families that join: no other one can tell of the change.
        """
        record = self.cache.get(key)
        if record is None or not self.cache.shown(record):
            return None
        families = (self._joining if joined else self._families)[key.resource]
        return {index: family.samples(record, self.cache) for index, family in families.items()}

    def _touch(self, keys: set[Key]) -> None:
        for key in keys:
            self._sections[key.resource].touch(key.uid)
