"""Where the list and watch of required ConfigMaps puts its records: also those of what is not there."""

import dataclasses

import msgspec

from exporter.cache import CONFIGMAPS, Change, ConfigMap, Record
from exporter.resources.metrics_store import MetricsStore
from exporter.resources.required import RequiredConfigMap, absent_of, place_of
from exporter.telemetry import ResourceStatus

__all__ = ["ConfigMapSink"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigMapSink:
    """Fills one partition of the table: a required place has a record also while no object fills it.

    One that matched a pattern and is gone stays required, as long as the process runs.
    """

    partition: str
    places: tuple[RequiredConfigMap, ...]
    store: MetricsStore
    status: ResourceStatus

    async def replace(self, records: dict[str, Record]) -> None:
        """A whole new state."""
        found = {uid: record for uid, record in records.items() if isinstance(record, ConfigMap)}
        gone = [record.name for uid, record in self._kept().items() if uid not in found and "*" not in record.name]
        wanted = [place for name in gone if (place := place_of(name, self.places)) is not None]
        found |= absent_of(wanted, {})
        self.store.replace(CONFIGMAPS, self.partition, {**found, **absent_of(self.places, found)})

    def put(self, uid: str, record: Record | None) -> None:
        """One object changed; None: it is gone, or it is not required."""
        kept = self._kept()
        if not isinstance(record, ConfigMap):
            place = place_of(kept[uid].name, self.places) if uid in kept else None
            if place is None:
                return
            record = absent_of([place], {})[uid]
        self._put(uid, record)
        for place in self.places:  # a pattern that matches something is no longer missing
            if place.is_pattern and place.uid in kept and place.matches(record.name):
                self._put(place.uid, None)
        self.status.count(sum(item.exists for item in self._kept().values()))

    def entered(self, state: str) -> None:
        """What may not be read is a problem of its own; what was read of it before stays."""
        if state not in {"forbidden", "watching"}:
            return
        records, forbidden = dict(self._kept()), state == "forbidden"
        if forbidden:
            absent = absent_of(self.places, records)
            records |= {
                uid: msgspec.structs.replace(item, read=False) for uid, item in absent.items() if uid not in records
            }
        for uid, record in records.items():
            self._put(uid, msgspec.structs.replace(record, forbidden=forbidden))

    def _kept(self) -> dict[str, ConfigMap]:
        return self.store.cache.configmaps.partition(self.partition)

    def _put(self, uid: str, record: ConfigMap | None) -> None:
        self.store.put(Change(CONFIGMAPS, self.partition, uid, record))
