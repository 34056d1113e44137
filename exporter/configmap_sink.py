"""Updates the records of required ConfigMaps, including those that do not exist."""

import dataclasses

import msgspec

from exporter.cache import CONFIGMAPS, Change, ConfigMap, Record
from exporter.resources.metrics_store import MetricsStore
from exporter.resources.required import RequiredConfigMap, absent_of, place_of
from exporter.telemetry import ResourceStatus

__all__ = ["ConfigMapSink"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigMapSink:
    """Updates one partition of the table. Each required ConfigMap has a record, even while it does not exist.

    A ConfigMap that matched a pattern and was deleted stays required until the process exits.
    """

    part: str
    places: tuple[RequiredConfigMap, ...]
    store: MetricsStore
    status: ResourceStatus

    async def replace(self, records: dict[str, Record]) -> None:
        """Replaces all records after a list."""
        found = {uid: record for uid, record in records.items() if isinstance(record, ConfigMap)}
        gone = [record.name for uid, record in self._kept().items() if uid not in found and "*" not in record.name]
        wanted = [place for name in gone if (place := place_of(name, self.places)) is not None]
        found |= absent_of(wanted, {})
        self.store.replace(CONFIGMAPS, self.part, {**found, **absent_of(self.places, found)})

    def put(self, uid: str, record: Record | None) -> None:
        """Updates one record. None: the object was deleted, or it is not required."""
        kept = self._kept()
        if not isinstance(record, ConfigMap):
            place = place_of(kept[uid].name, self.places) if uid in kept else None
            if place is None:
                return
            record = absent_of([place], {})[uid]
        self._put(uid, record)
        for place in self.places:  # a pattern with a match is not missing
            if place.is_pattern and place.uid in kept and place.matches(record.name):
                self._put(place.uid, None)
        self.status.count(sum(item.exists for item in self._kept().values()))

    def entered(self, state: str) -> None:
        """Marks the records as forbidden, or as readable again. Content that was read before is retained."""
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
        return self.store.cache.configmaps.part(self.part)

    def _put(self, uid: str, record: ConfigMap | None) -> None:
        self.store.put(Change(CONFIGMAPS, self.part, uid, record))
