"""The exporter without its network: settings, feeds, picture and page, put together as the exporter does."""

import collections
import gzip

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.app import build_thresholds
from exporter.cache import CODERUNS, CONFIGMAPS, JOBS, ObjectCache
from exporter.diagnosis.recorder import FlightRecorder
from exporter.informers import informers
from exporter.kube.decode import decode_page
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import Telemetry
from exporter.web.health import Health
from tests.objects import done

__all__ = ["Parts", "a_list", "assert_alike", "fresh"]

_RESOURCES = (CODERUNS, JOBS, CONFIGMAPS)


def apply(sink, uid, record):
    """Upserts the record, or deletes it if it is None."""
    if record is None:
        sink.delete(uid)
    else:
        sink.upsert(uid, record)


class Parts:
    """What the composition root builds, as of a moment."""

    def __init__(self, settings, *, now):
        self.settings = settings
        self.now = now
        self.telemetry = Telemetry(clock=lambda: self.now)
        self.cache = ObjectCache(thresholds=build_thresholds(settings), all_namespaces=not settings.namespaces)
        self.cache.advance(now)
        self.feeds = informers(settings, telemetry=self.telemetry)
        groups = collections.defaultdict(list)
        for informer in self.feeds:
            groups[informer.resource].append(informer.status)
        health = Health(groups=groups, required=(CODERUNS, JOBS))
        self.history = LifecycleMetrics(cache=self.cache, registry=CollectorRegistry())
        self.store = MetricsStore(
            cache=self.cache,
            lifecycle=self.history,
            has_synced=health.has_synced,
            recorder=FlightRecorder(self.cache, started=now),
        )
        self.sources = [informer.source(self.store) for informer in self.feeds]
        self.sinks = [informer.sink(self.store) for informer in self.feeds]

    def advance(self, seconds):
        """Time passes."""
        self.now += seconds
        self.store.advance(self.now)

    def list(self, index, body):
        """A whole list of one feed, as its body comes from the API server."""
        source = self.sources[index]
        decoded = [source.decode(raw) for raw in decode_page(body).items or ()]
        records = {one.uid: source.reuse_if_equal(one.record) for one in decoded if one.record is not None}
        done(self.sinks[index].replace(records))
        self.sinks[index].set_state("watching")
        self.feeds[index].status.record_list(objects=len(records))

    def fail(self, index, state):
        """A feed cannot be read, and is in this state."""
        self.feeds[index].status.record_failure(state=state, code="x", detail="")
        self.sinks[index].set_state(state)

    def text(self):
        """The page as of now; its gzip form is the same, and both lengths are."""
        while not self.store.render(seconds=1.0):
            pass
        page = self.store.exposition(tail="")
        packed, plain = b"".join(page.gzip()), b"".join(page.plain())
        assert gzip.decompress(packed) == plain
        assert (page.gzip_length, page.length) == (len(packed), len(plain))
        return plain.decode()

    def history_text(self):
        """What is counted, which a parser has read in both forms."""
        for openmetrics in (False, True):
            text = self.history.text(openmetrics=openmetrics)
            list(parse_openmetrics(text + "# EOF\n") if openmetrics else parse_text(text))
        return self.history.text(openmetrics=False)


def a_list(items, *, version=1, token=""):
    """The body of a list, or of a page of one."""
    meta = b'{"resourceVersion":"%d","continue":"%b"}' % (version, token.encode())
    return (
        b'{"kind":"List","metadata":%b,"items":[%b]}' % (meta, b",".join(items))
        if items
        else (b'{"kind":"List","metadata":%b,"items":null}' % meta)
    )


def fresh(parts, lists):
    """New parts, as of the same moment, that have listed once; None for a feed that never did.

    `lists` are the objects of each feed.
    """
    made = Parts(parts.settings, now=parts.now)
    for index, items in enumerate(lists):
        if items is not None:
            made.list(index, a_list(items))
    return made


_SEEN = ("coderun_without_job_since_timestamp_seconds",)
"""Of these a list shows nothing: when a Job was seen to go, or a run to wait."""


def assert_alike(parts, other, *, but=()):
    """The same records and the same page, `but` for some families and for those that depend on what was seen.

    Lines may stand in another order within their family, which is the order in which objects came. What is counted
    (`History`) differs by its nature: it tells what was seen to happen, and a list shows nothing happening.
    """
    page, others = parts.text(), other.text()
    told, others_told = (_by_family(text, but=(*but, *_SEEN)) for text in (page, others))
    assert told == others_told, sorted(set(page.splitlines()) ^ set(others.splitlines()))
    _assert_no_series_twice(page)
    assert _joins(parts.cache) == _joins(other.cache)
    _assert_newest(parts.cache)
    assert _kept(parts) == _kept(other)


def _assert_no_series_twice(page):
    series = [line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))


def _by_family(page, *, but):
    """The lines of each family, in the order of the families."""
    families = {}
    for line in page.splitlines():
        name = line.split(" ", 3)[2] if line.startswith("#") else line.partition("{")[0]
        families.setdefault(name, []).append(line)
    return [(name, sorted(lines)) for name, lines in families.items() if name not in but]


def _assert_newest(cache):
    """The newest Job of each run, found by looking at all Jobs: what both sides get wrong would look alike."""
    for run in cache.runs:
        jobs = [
            job for job in cache.jobs if (job.owner, job.namespace, job.deleted) == (run.uid, run.namespace, None)
        ]
        newest = max(jobs, key=lambda job: (job.created or 0.0, job.version, job.name), default=None)
        found = cache.newest_job(run)
        assert (found and found.uid) == (newest and newest.uid), run.name


def _joins(cache):
    """Who belongs to whom, from both sides, and what is on the page."""
    jobs_of = {uid: sorted(job.uid for job in jobs) for uid, jobs in cache._owners._jobs_of.items()}
    newest = {run.uid: job and job.uid for run in cache.runs for job in [cache.newest_job(run)]}
    owners = {job.uid: run and run.uid for job in cache.jobs for run in [cache.run_of(job)]}
    shown = {item.uid for name in _RESOURCES for item in cache.table(name) if cache.is_exposed(item)}
    return jobs_of, newest, owners, shown


def _kept(parts):
    """The records by part, which objects have lines, and the objects that are told of each feed."""
    records = {
        name: {
            part: {uid: msgspec.structs.asdict(record) for uid, record in table.items()}
            for part, table in parts.cache.table(name)._partitions.items()
        }
        for name in _RESOURCES
    }
    members = {name: set(section._chunk_of) for name, section in parts.store._compressed.items()}
    chunks = {
        name: sorted(uid for chunk in section._chunks for uid in chunk)
        for name, section in parts.store._compressed.items()
    }
    assert chunks == {name: sorted(uids) for name, uids in members.items()}
    return records, members, [informer.status.objects for informer in parts.feeds]
