"""A picture that is fed with objects, and what stands on its page: object in, exposition text out."""

import textwrap

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.cache import CODERUNS, CONFIGMAPS, JOBS, Change, ObjectCache, Thresholds
from exporter.diagnosis.recorder import FlightRecorder
from exporter.kube.decode import Decoder
from exporter.profiles import resolve
from exporter.resources import RESOURCES
from exporter.resources.coderuns import run_from_object
from exporter.resources.configmaps import WireConfigMap, configmap_from_object
from exporter.resources.jobs import WireJob, job_from_object
from exporter.resources.kinds import run_kinds
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from exporter.resources.required import RequiredConfigMap, absent_configmap
from tests.objects import CREATED, raw

__all__ = ["CODERUN", "DOCSRUN", "World", "page_of", "parsed", "required", "samples", "text"]

CODERUN, DOCSRUN = run_kinds([resolve("coderuns.agents.platform"), resolve("docsruns.agents.platform")])


def required(name="controller-agent-templates-claude", *, keys=(), namespace="agent-platform"):
    """A ConfigMap that the controller needs."""
    return RequiredConfigMap(namespace=namespace, name=name, keys=tuple(keys))


class World:
    """A picture that is fed as the reflectors feed it; all resources but the `unread` ones have been listed once.

    `objects` are in the first lists. `needed` are the required ConfigMaps; those that are not among the objects do
    not exist. With `all_namespaces=False` only the namespace `n` is read. `selected`: a label selector is set.
    `has_logs`: logs are read.
    """

    def __init__(
        self,
        *objects,
        now=CREATED + 60,
        thresholds=None,
        match_labels=None,
        needed=(),
        unread=(),
        all_namespaces=True,
        selected=False,
        has_logs=False,
    ):
        self.cluster = ObjectCache(
            thresholds=thresholds or Thresholds(), all_namespaces=all_namespaces, selected=selected
        )
        self.cluster.advance(now)
        disable_created_metrics()  # as the exporter's own registry does
        self.counted = LifecycleMetrics(cache=self.cluster, registry=CollectorRegistry())
        self.read = {name for resource in RESOURCES for name in (resource.name, resource.table)} - set(unread)
        self.recorder = FlightRecorder(self.cluster, started=now)
        self.store = MetricsStore(
            cache=self.cluster,
            lifecycle=self.counted,
            has_synced=self.read.__contains__,
            recorder=self.recorder,
            has_logs=has_logs,
        )
        self._match_labels = match_labels or {}
        self._needed = {item.uid: item for item in needed}
        self._scope = "*" if all_namespaces else "n"
        self._decoders = {"Job": Decoder(WireJob), "ConfigMap": Decoder(WireConfigMap)}
        self._decoders |= {kind.kind: Decoder(kind.reader.type) for kind in (CODERUN, DOCSRUN)}
        for resource in (CODERUNS, JOBS, CONFIGMAPS):
            if resource in self.read:
                self.list(resource, *(item for item in objects if _resource(item) == resource))

    def list(self, resource, *objects):
        """A whole list of a resource, after which it counts as read."""
        self.read.add(resource)
        parts = {self._part(resource): {}} if resource != CONFIGMAPS else {}
        if resource == CODERUNS:
            parts[self._part(resource, DOCSRUN)] = {}
        if resource == CONFIGMAPS:
            parts |= {uid: {uid: absent_configmap(item)} for uid, item in self._needed.items()}
        for item in objects:
            part, uid, record = self._record(item)
            if record is not None:
                parts[part][uid] = record
        for part, records in parts.items():
            self.store.replace(resource, part, records)

    def put(self, item):
        """One object is new or changed."""
        part, uid, record = self._record(item)
        self.store.apply(Change(_resource(item), part, uid, record))

    def delete(self, item):
        """One object is gone; a required ConfigMap is absent from then on."""
        part, uid, _ = self._record(item)
        absent = absent_configmap(self._needed[uid]) if item["kind"] == "ConfigMap" else None
        self.store.apply(Change(_resource(item), part, uid, absent))

    def advance(self, now):
        """Moves the clock on."""
        self.store.advance(now)

    def page(self, *, tail=""):
        """The page as of now, as the exporter answers with it."""
        while not self.store.render(seconds=1.0):
            pass
        return self.store.exposition(tail=tail)

    def text(self, *, unique=True):
        """The page as of now, which two parsers have read to its end.

        Where two objects have one name, their series are not `unique`, which OpenMetrics forbids.
        """
        text = b"".join(self.page().plain()).decode()
        parsed(text, openmetrics=unique)
        return text

    def history(self):
        """What is counted, as lines without comments, buckets and sums."""
        text = self.counted.text(openmetrics=False)
        parsed(text)
        return [line for line in text.splitlines() if not line.startswith("#") and "_bucket{" not in line]

    def _part(self, resource, kind=CODERUN):
        return self._scope if resource == JOBS else f"{kind.resource}/{self._scope}"

    def _record(self, item):
        """The part that an object belongs to, its UID, and its record."""
        resource = _resource(item)
        wire, _ = self._decoders[item["kind"]].decode(raw(item))
        meta = wire.metadata
        uid = meta.uid or f"{meta.namespace or ''}/{meta.name or ''}"
        if resource == CONFIGMAPS:
            place = self._needed[f"{meta.namespace}/{meta.name}"]
            return place.uid, place.uid, configmap_from_object(wire, required=place)
        if resource == JOBS:
            own = job_from_object(wire, kinds=(CODERUN, DOCSRUN), match_labels=self._match_labels)
            return self._part(resource), uid, own
        kind = DOCSRUN if item["kind"] == "DocsRun" else CODERUN
        return self._part(resource, kind), uid, run_from_object(wire, kind=kind)


def _resource(item):
    return {"CodeRun": CODERUNS, "DocsRun": CODERUNS, "Job": JOBS, "ConfigMap": CONFIGMAPS}[item["kind"]]


def page_of(*objects, **settings):
    """The page of a `World` in which just these objects have been listed."""
    return World(*objects, **settings).text()


def samples(page, *families):
    """The lines of these families on a page."""
    return [line for line in page.splitlines() if line.partition("{")[0] in families]


def text(block):
    """An indented block as lines; one that is indented further goes on with the line before it."""
    return textwrap.dedent(block).replace("\n    ", "").strip().splitlines()


def parsed(page, *, openmetrics=True):
    """A page's samples, read by prometheus-client as the text format and, if it has gauges alone, as OpenMetrics."""
    read = [(s.name, s.labels, s.value) for family in parse_text(page) for s in family.samples]
    if openmetrics and "_total{" not in page:
        other = [(s.name, s.labels, s.value) for f in parse_openmetrics(page + "# EOF\n") for s in f.samples]
        assert repr(other) == repr(read)
    return read
