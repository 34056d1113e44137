"""An exporter without a network: the informers, the cache and the metrics store that the settings require."""

import collections
import gzip

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.cache import CODERUNS, CONFIGMAPS, JOBS, ObjectCache
from exporter.diagnosis.recorder import FlightRecorder
from exporter.informers import informers
from exporter.kube.decode import decode_page
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import Telemetry
from exporter.threshold_settings import build_thresholds
from exporter.web.health import Health
from tests.objects import run_coroutine

__all__ = ["OfflineExporter", "a_list", "assert_same_state", "list_again"]

_RESOURCES = (CODERUNS, JOBS, CONFIGMAPS)


def apply(sink, uid, record):
    """Upserts the record, or deletes it if it is None."""
    if record is None:
        sink.delete(uid)
    else:
        sink.upsert(uid, record)


class OfflineExporter:
    """What `exporter.app` builds, with a clock that tests set."""

    def __init__(self, settings, *, now):
        self.settings = settings
        self.now = now
        self.telemetry = Telemetry(clock=lambda: self.now)
        self.cache = ObjectCache(thresholds=build_thresholds(settings), all_namespaces=not settings.namespaces)
        self.cache.advance(now)
        self.informers = informers(settings, telemetry=self.telemetry)
        groups = collections.defaultdict(list)
        for informer in self.informers:
            groups[informer.resource].append(informer.status)
        health = Health(groups=groups, required=(CODERUNS, JOBS))
        self.history = LifecycleMetrics(cache=self.cache, registry=CollectorRegistry())
        self.store = MetricsStore(
            cache=self.cache,
            lifecycle=self.history,
            has_synced=health.has_synced,
            recorder=FlightRecorder(self.cache, started=now),
        )
        self.sources = [informer.source(self.store) for informer in self.informers]
        self.sinks = [informer.sink(self.store) for informer in self.informers]

    def advance(self, seconds):
        """Advances the clock."""
        self.now += seconds
        self.store.advance(self.now)

    def list(self, index, body):
        """Completes a list of one informer with this response body."""
        source = self.sources[index]
        decoded = [source.decode(raw) for raw in decode_page(body).items or ()]
        records = {one.uid: source.reuse_if_equal(one.record) for one in decoded if one.record is not None}
        run_coroutine(self.sinks[index].replace(records))
        self.sinks[index].set_state("watching")
        self.informers[index].status.record_list(objects=len(records))

    def fail(self, index, state):
        """Reports that an informer has failed with this state."""
        self.informers[index].status.record_failure(state=state, code="x", detail="")
        self.sinks[index].set_state(state)

    def text(self):
        """Renders all changes and returns the exposition text. Its gzip form must have the same content."""
        while not self.store.render(seconds=1.0):
            pass
        page = self.store.exposition(tail="")
        packed, plain = b"".join(page.gzip()), b"".join(page.plain())
        assert gzip.decompress(packed) == plain
        assert (page.gzip_length, page.length) == (len(packed), len(plain))
        return plain.decode()

    def history_text(self):
        """Returns the text of the counters and histograms. Parsers must accept both formats."""
        for openmetrics in (False, True):
            text = self.history.text(openmetrics=openmetrics)
            list(parse_openmetrics(text + "# EOF\n") if openmetrics else parse_text(text))
        return self.history.text(openmetrics=False)


def a_list(items, *, version=1, token=""):
    """The body of a list response, or of one page of it."""
    meta = b'{"resourceVersion":"%d","continue":"%b"}' % (version, token.encode())
    return (
        b'{"kind":"List","metadata":%b,"items":[%b]}' % (meta, b",".join(items))
        if items
        else (b'{"kind":"List","metadata":%b,"items":null}' % meta)
    )


def list_again(exporter, lists):
    """Returns a new exporter at the same time that has listed these objects.

    `lists` has the objects of each informer; None means that its initial list has not completed.
    """
    made = OfflineExporter(exporter.settings, now=exporter.now)
    for index, items in enumerate(lists):
        if items is not None:
            made.list(index, a_list(items))
    return made


_NOT_IN_LISTS = ("coderun_without_job_since_timestamp_seconds",)
"""Families whose values depend on past changes, which a list does not contain."""


def assert_same_state(exporter, other, *, ignored=()):
    """Both exporters have the same records and the same exposition.

    Ignored are the families in `ignored` and those whose values depend on past changes. The order of the lines of
    a family may differ. Counters differ too, because a list contains no changes, so they are not compared.
    """
    page, others = exporter.text(), other.text()
    families, other_families = (_by_family(text, ignored=(*ignored, *_NOT_IN_LISTS)) for text in (page, others))
    assert families == other_families, sorted(set(page.splitlines()) ^ set(others.splitlines()))
    _assert_no_series_twice(page)
    assert _joins(exporter.cache) == _joins(other.cache)
    _assert_newest(exporter.cache)
    assert _kept(exporter) == _kept(other)


def _assert_no_series_twice(page):
    series = [line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))


def _by_family(page, *, ignored):
    """The sorted lines of each family, in the order of the families."""
    families = {}
    for line in page.splitlines():
        name = line.split(" ", 3)[2] if line.startswith("#") else line.partition("{")[0]
        families.setdefault(name, []).append(line)
    return [(name, sorted(lines)) for name, lines in families.items() if name not in ignored]


def _assert_newest(cache):
    """The newest Job of each run is correct. Both exporters could have the same error, so this searches all Jobs."""
    for run in cache.runs:
        jobs = [
            job for job in cache.jobs if (job.owner, job.namespace, job.deleted) == (run.uid, run.namespace, None)
        ]
        newest = max(jobs, key=lambda job: (job.created or 0.0, job.version, job.name), default=None)
        found = cache.newest_job(run)
        assert (found and found.uid) == (newest and newest.uid), run.name


def _joins(cache):
    """The Jobs of each run, the run of each Job, and the exposed objects."""
    jobs_of = {uid: sorted(job.uid for job in cache._owners.jobs_of(uid)) for uid in cache._owners._jobs_of}
    newest = {run.uid: job and job.uid for run in cache.runs for job in [cache.newest_job(run)]}
    owners = {job.uid: run and run.uid for job in cache.jobs for run in [cache.run_of(job)]}
    shown = {item.uid for name in _RESOURCES for item in cache.table(name) if cache.is_exposed(item)}
    return jobs_of, newest, owners, shown


def _kept(exporter):
    """The records by partition, the objects with rendered lines, and the number of objects of each informer."""
    records = {
        name: {
            part: {uid: msgspec.structs.asdict(record) for uid, record in table.items()}
            for part, table in exporter.cache.table(name)._partitions.items()
        }
        for name in _RESOURCES
    }
    rendered = {name: set(families._group_of) for name, families in exporter.store._compressed.items()}
    groups = {
        name: sorted(uid for group in families._groups for uid in group)
        for name, families in exporter.store._compressed.items()
    }
    assert groups == {name: sorted(uids) for name, uids in rendered.items()}
    return records, rendered, [informer.status.objects for informer in exporter.informers]
