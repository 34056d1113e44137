"""A poller of the logs on a stand-in, with a clock that tests set, and a reader that only counts."""

import contextlib

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from exporter.cache import JOBS, Change, Container, Job, ObjectCache, Pod, Thresholds
from exporter.diagnosis.recorder import FlightRecorder
from exporter.log_formats import LogReport
from exporter.log_polling.metrics import LogMetrics
from exporter.log_polling.poller import LogPoller
from exporter.log_polling.states import UNREADABLE
from exporter.notices import Notices
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from tests.clusters import a_server
from tests.kube.clients import a_client

__all__ = ["NOW", "CountingReader", "Polls", "polls"]

NOW = 1_800_000_000.0


class CountingReader:
    """Keeps the lines. `word` is a last word, `start` a new session, `bug` an error of the reader."""

    def __init__(self, cli):
        self.cli = cli
        self.lines = []

    def feed(self, lines):
        """Reads lines."""
        self.lines += lines
        if any(line.text == b"bug" for line in self.lines):
            raise ValueError("text-of-the-log")

    @property
    def report(self):
        """The report."""
        texts = [line.text for line in self.lines]
        times = [line.time for line in self.lines]
        word = None
        for line in self.lines:
            word = line.time if line.text == b"word" else None if line.text == b"start" else word
        return LogReport(
            sessions=texts.count(b"start"),
            first_line=min(times, default=None),
            last_line=max(times, default=None),
            last_word=word,
            outcome="success" if word else "",
            turns=len(texts),
        )


class Polls:
    """`now` is the time; `readers` are those that were created. `read` creates a reader from the CLI of the Job."""

    def __init__(self, server, client, *, thresholds=None, read=CountingReader):
        self.server = server
        self.now = NOW
        self.readers = []
        self._read = read
        self.registry = CollectorRegistry()
        self.notices = Notices()
        cache = ObjectCache(thresholds=thresholds or Thresholds())
        cache.advance(NOW)
        cache.pods.set_known("*", known=True)
        self.store = MetricsStore(
            cache=cache,
            lifecycle=LifecycleMetrics(cache=cache, registry=CollectorRegistry(), has_logs=True),
            has_synced=lambda _: True,
            recorder=FlightRecorder(cache, started=NOW),
            has_logs=True,
        )
        self.store.replace(JOBS, "*", {})
        self.poller = LogPoller(
            store=self.store,
            client=client,
            clock=lambda: self.now,
            new_reader=self._reader,
            metrics=LogMetrics(self.registry),
            notices=self.notices,
        )

    def _reader(self, cli):
        self.readers.append(self._read(cli))
        return self.readers[-1]

    def job(self, name="j", **fields):
        """A Job in the cache; `result` ends it."""
        job = Job(uid=f"job-{name}", namespace="n", name=name, started=NOW, active=1, **fields)
        self.store.apply(Change(JOBS, "*", job.uid, job))

    def pod(self, name="j", *, node="node-1", state="running", at="a", served=True, **fields):
        """The Pod of a Job in the cache and, if `served`, on the server. `at` is the ID of its main container."""
        main = Container(name="main", role="main", state=state, id=at, since=NOW - 9)
        side = Container(name="side", role="side", state="running")
        pod = Pod(
            uid=f"pod-{name}",
            namespace="n",
            name=f"{name}-x",
            owner=f"job-{name}",
            node=node,
            containers=(main, side),
            **({"phase": "Running"} | fields),
        )
        self.store.put_pod("*", pod.uid, pod)
        if served:
            self.serve(name, node=node)

    def serve(self, name, *, node="node-1"):
        """The Pod of a Job on the server."""
        spec = {"nodeName": node, "containers": [{"name": "main"}, {"name": "side"}]}
        meta = {"namespace": "n", "name": f"{name}-x", "uid": f"pod-{name}"}
        self.server.load([{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}])

    def write(self, *texts, name="j", at=None):
        """The container writes lines."""
        moment = self.now - 1 if at is None else at
        lines = [(moment + 0.001 * number, text) for number, text in enumerate(texts)]
        self.server.logs.write("n", f"{name}-x", "main", *lines)

    async def after(self, seconds):
        """The clock advances, and what is due is read."""
        self.now += seconds
        await self.poller.poll()

    async def minute(self):
        """Enough for each container to be read once."""
        await self.after(61)

    def texts(self, reader=0):
        """What a reader has read."""
        return [line.text for line in self.readers[reader].lines]

    def states(self):
        """The states of the containers that are read."""
        return {state: number for state, number in self.poller.states.items() if number}

    def unreadable(self):
        """The numbers of namespaces in which no log can be read, by state."""
        counts = {state: self.count("unreadable_namespaces", state=state) for state in UNREADABLE}
        return {state: number for state, number in counts.items() if number}

    def count(self, name, **labels):
        """The value of a metric of the poller."""
        return self.registry.get_sample_value(f"coderun_exporter_log_{name}", labels)

    def logs(self, name="j"):
        """What the cache has about a Job."""
        return self.store.cache.logs.of_job(f"job-{name}")

    def sample(self, name, **labels):
        """The value of a series of the Job on the page; None if there is none."""
        samples = [one for family in text_string_to_metric_families(self.page()) for one in family.samples]
        return next((one.value for one in samples if one.name == name and labels.items() <= one.labels.items()), None)

    def page(self):
        """The page of metrics."""
        while not self.store.render(seconds=1):
            pass
        return b"".join(self.store.exposition(tail="").plain()).decode()

    @property
    def requests(self):
        """The requests for logs, by their order."""
        return [one for one in self.server.requests if "/log?" in one]


@contextlib.asynccontextmanager
async def polls(folder, *, job=None, **options):
    """The poller with one Job and its running Pod, found but not yet read. `job` are fields of the Job."""
    async with a_server() as server, a_client(folder, server.url) as client:
        made = Polls(server, client, **options)
        made.job(**job or {})
        made.pod()
        await made.poller.poll()
        yield made
