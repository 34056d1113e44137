"""A metrics store that a test fills with objects, and the exposition text that it renders."""

import textwrap

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.cache import CODERUNS, CONFIGMAPS, JOBS, WORKFLOW_TEMPLATES, WORKFLOWS, Change, ObjectCache, Thresholds
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
from exporter.resources.workflow_objects import WireWorkflow
from exporter.resources.workflow_templates import WireWorkflowTemplate, workflow_template_from_object
from exporter.resources.workflows import workflow_from_object
from tests.objects import CREATED, raw

__all__ = ["CODERUN", "DOCSRUN", "StoreHarness", "exposition_of", "parse_exposition", "required", "samples", "text"]

CODERUN, DOCSRUN = run_kinds([resolve("coderuns.agents.platform"), resolve("docsruns.agents.platform")])


def required(name="controller-agent-templates-claude", *, keys=(), namespace="agent-platform"):
    """Returns the settings of one required ConfigMap."""
    return RequiredConfigMap(namespace=namespace, name=name, keys=tuple(keys))


class StoreHarness:
    """The cache and the metrics store of one exporter, without a network or an event loop.

    `objects` are the initial lists. All resources have completed their initial list, except those in `unread`.
    `needed` are the required ConfigMaps; those that are not in `objects` do not exist. With
    `all_namespaces=False` only the namespace `n` is watched. `selected` means that a label selector is set.
    """

    def __init__(  # noqa: PLR0913 - one parameter for each setting
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
        has_workflows=False,
    ):
        self.cache = ObjectCache(
            thresholds=thresholds or Thresholds(), all_namespaces=all_namespaces, selected=selected
        )
        self.cache.advance(now)
        disable_created_metrics()  # as the exporter's own registry does
        self.lifecycle = LifecycleMetrics(cache=self.cache, registry=CollectorRegistry(), has_logs=has_logs)
        self.synced = {name for resource in RESOURCES for name in (resource.name, resource.table)} - set(unread)
        self.recorder = FlightRecorder(self.cache, started=now)
        self.store = MetricsStore(
            cache=self.cache,
            lifecycle=self.lifecycle,
            has_synced=self.synced.__contains__,
            recorder=self.recorder,
            has_logs=has_logs,
            has_workflows=has_workflows,
        )
        self._match_labels = match_labels or {}
        self._needed = {item.key: item for item in needed}
        self._scope = "*" if all_namespaces else "n"
        self._decoders = {"Job": Decoder(WireJob), "ConfigMap": Decoder(WireConfigMap)}
        self._decoders |= {"Workflow": Decoder(WireWorkflow), "WorkflowTemplate": Decoder(WireWorkflowTemplate)}
        self._decoders |= {kind.kind: Decoder(kind.reader.type) for kind in (CODERUN, DOCSRUN)}
        for resource in (CODERUNS, JOBS, CONFIGMAPS, *((WORKFLOWS, WORKFLOW_TEMPLATES) if has_workflows else ())):
            if resource in self.synced:
                self.list(resource, *(item for item in objects if _resource(item) == resource))

    def list(self, resource, *objects):
        """Replaces a resource with these objects, as a completed list does. Its initial list is then complete."""
        self.synced.add(resource)
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
        """Applies an ADDED or MODIFIED event of this object."""
        part, uid, record = self._record(item)
        self.store.apply(Change(_resource(item), part, uid, record))

    def delete(self, item):
        """Applies a DELETED event. The record of a required ConfigMap then says that it does not exist."""
        part, uid, _ = self._record(item)
        absent = absent_configmap(self._needed[uid]) if item["kind"] == "ConfigMap" else None
        self.store.apply(Change(_resource(item), part, uid, absent))

    def advance(self, now):
        """Sets the clock to `now`, in seconds since the epoch."""
        self.store.advance(now)

    def exposition(self, *, tail=""):
        """Renders all changes and returns the response of a scrape. `tail` are the exporter's own metrics."""
        while not self.store.render(seconds=1.0):
            pass
        return self.store.exposition(tail=tail)

    def text(self, *, unique=True):
        """Returns the exposition as text, after checking that two parsers accept it.

        Set `unique=False` if two objects have the same labels: OpenMetrics forbids duplicate series.
        """
        text = b"".join(self.exposition().plain()).decode()
        parse_exposition(text, openmetrics=unique)
        return text

    def history(self):
        """Returns the samples of the lifecycle counters and histograms, without the buckets."""
        text = self.lifecycle.text(openmetrics=False)
        parse_exposition(text)
        return [line for line in text.splitlines() if not line.startswith("#") and "_bucket{" not in line]

    def _part(self, resource, kind=CODERUN):
        return f"{kind.resource}/{self._scope}" if resource == CODERUNS else self._scope

    def _record(self, item):
        """Returns the scope of an object's list and watch, its UID, and its record."""
        resource = _resource(item)
        wire, _ = self._decoders[item["kind"]].decode(raw(item))
        meta = wire.metadata
        uid = meta.uid or f"{meta.namespace or ''}/{meta.name or ''}"
        if resource == CONFIGMAPS:
            requirement = self._needed[f"{meta.namespace}/{meta.name}"]
            return requirement.key, requirement.key, configmap_from_object(wire, required=requirement)
        if resource == JOBS:
            own = job_from_object(wire, kinds=(CODERUN, DOCSRUN), match_labels=self._match_labels)
            return self._part(resource), uid, own
        if resource == WORKFLOWS:
            return self._part(resource), uid, workflow_from_object(wire, kinds=(CODERUN, DOCSRUN))
        if resource == WORKFLOW_TEMPLATES:
            return self._part(resource), uid, workflow_template_from_object(wire, kinds=(CODERUN, DOCSRUN))
        kind = DOCSRUN if item["kind"] == "DocsRun" else CODERUN
        return self._part(resource, kind), uid, run_from_object(wire, kind=kind)


_TABLES = {
    "CodeRun": CODERUNS,
    "DocsRun": CODERUNS,
    "Job": JOBS,
    "ConfigMap": CONFIGMAPS,
    "Workflow": WORKFLOWS,
    "WorkflowTemplate": WORKFLOW_TEMPLATES,
}


def _resource(item):
    return _TABLES[item["kind"]]


def exposition_of(*objects, **settings):
    """Returns the exposition text of a `StoreHarness` with these objects."""
    return StoreHarness(*objects, **settings).text()


def samples(page, *families):
    """Returns the lines of these metric families."""
    return [line for line in page.splitlines() if line.partition("{")[0] in families]


def text(block):
    """Returns the lines of an indented block. A line that is indented further continues the line before it."""
    return textwrap.dedent(block).replace("\n    ", "").strip().splitlines()


def parse_exposition(page, *, openmetrics=True):
    """Returns (name, labels, value) of all samples. Text without counters must also be valid OpenMetrics."""
    read = [(s.name, s.labels, s.value) for family in parse_text(page) for s in family.samples]
    if openmetrics and "_total{" not in page:
        other = [(s.name, s.labels, s.value) for f in parse_openmetrics(page + "# EOF\n") for s in f.samples]
        assert repr(other) == repr(read)
    return read
