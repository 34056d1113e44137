"""The sink for required ConfigMaps. It stores records for missing ConfigMaps too."""

import dataclasses

import msgspec

from exporter.cache import CONFIGMAPS, Change, ConfigMap, Record
from exporter.resources.metrics_store import MetricsStore
from exporter.resources.required import RequiredConfigMap, absent_configmaps, find_requirement
from exporter.telemetry import ResourceStatus

__all__ = ["ConfigMapSink"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigMapSink:
    """Updates the ConfigMaps of one list and watch. A required one has a record even if it does not exist.

    A deleted ConfigMap that matched a pattern remains required until the process exits.
    """

    partition: str
    requirements: tuple[RequiredConfigMap, ...]
    store: MetricsStore
    status: ResourceStatus

    async def replace(self, records: dict[str, Record]) -> None:
        """Replaces all records; adds records of missing ConfigMaps."""
        found = {uid: record for uid, record in records.items() if isinstance(record, ConfigMap)}
        deleted = [
            record.name
            for uid, record in self._cached_records().items()
            if uid not in found and "*" not in record.name
        ]
        wanted = [
            requirement for name in deleted if (requirement := find_requirement(name, self.requirements)) is not None
        ]
        found |= absent_configmaps(wanted, {})
        self.store.replace(CONFIGMAPS, self.partition, {**found, **absent_configmaps(self.requirements, found)})

    def upsert(self, uid: str, record: Record) -> None:
        """Adds or updates a ConfigMap."""
        if isinstance(record, ConfigMap):
            self._update(uid, record)

    def delete(self, uid: str) -> None:
        """Marks a required ConfigMap as missing. Ignores other ConfigMaps."""
        cached = self._cached_records().get(uid)
        requirement = find_requirement(cached.name, self.requirements) if cached is not None else None
        if requirement is not None:
            self._update(uid, absent_configmaps([requirement], {})[uid])

    def set_state(self, state: str) -> None:
        """Marks the records as forbidden, or as readable again. Their other fields do not change."""
        if state not in {"forbidden", "watching"}:
            return
        records, forbidden = dict(self._cached_records()), state == "forbidden"
        if forbidden:
            absent = absent_configmaps(self.requirements, records)
            records |= {
                uid: msgspec.structs.replace(item, read=False) for uid, item in absent.items() if uid not in records
            }
        for uid, record in records.items():
            self._apply(uid, msgspec.structs.replace(record, forbidden=forbidden))

    def _update(self, uid: str, record: ConfigMap) -> None:
        self._apply(uid, record)
        for requirement in self.requirements:  # a pattern with a match is no longer missing
            if (
                requirement.is_pattern
                and requirement.key in self._cached_records()
                and requirement.matches(record.name)
            ):
                self._apply(requirement.key, None)
        self.status.count(sum(item.exists for item in self._cached_records().values()))

    def _cached_records(self) -> dict[str, ConfigMap]:
        return self.store.cache.configmaps.partition(self.partition)

    def _apply(self, uid: str, record: ConfigMap | None) -> None:
        self.store.apply(Change(CONFIGMAPS, self.partition, uid, record))
