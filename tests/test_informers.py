"""The lists and watches that the settings require, and how each updates the cache."""

import asyncio
import json

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from exporter.cache import ObjectCache, Thresholds
from exporter.config import CodeRuns, ConfigMaps, Events, Pods, RequiredConfigMap, Settings
from exporter.diagnosis.recorder import FlightRecorder
from exporter.informers import informers
from exporter.profiles import Profile
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import Telemetry
from tests.clusters import a_configmap, a_job, a_run
from tests.objects import run_coroutine

KINDS = CodeRuns(kinds=(Profile(), Profile(plural="docsruns", kind="DocsRun")))
ONE_CONFIGMAP = ConfigMaps(namespace="n", required=(RequiredConfigMap(name="t", keys=("k",)),))


def build_informers(**settings):
    """Returns the informers of these settings."""
    telemetry = Telemetry(clock=lambda: 1_700_000_000.0)
    return informers(Settings(configmaps=ONE_CONFIGMAP, **settings), telemetry=telemetry)


def a_store(*, all_namespaces=True):
    """An empty metrics store."""
    cache = ObjectCache(thresholds=Thresholds(), all_namespaces=all_namespaces)
    history = LifecycleMetrics(cache=cache, registry=CollectorRegistry())
    recorder = FlightRecorder(cache, started=0.0)
    return MetricsStore(cache=cache, lifecycle=history, has_synced=lambda _: True, recorder=recorder)


def raw(obj):
    """An object as JSON, as the API server sends it."""
    return msgspec.Raw(json.dumps(obj).encode())


def test_by_default_all_namespaces_are_watched():
    """Only the required ConfigMaps are watched, each by its name, so that a Role with resourceNames is enough."""
    assert [(informer.name, informer.path, informer.params) for informer in build_informers(coderuns=KINDS)] == [
        ("coderuns *", "/apis/agents.platform/v1/coderuns", {}),
        ("docsruns *", "/apis/agents.platform/v1/docsruns", {}),
        ("jobs *", "/apis/batch/v1/jobs", {}),
        (
            "pods */job-name",
            "/api/v1/pods",
            {"labelSelector": "job-name", "fieldSelector": "status.phase!=Succeeded"},
        ),
        ("configmaps n/t", "/api/v1/namespaces/n/configmaps", {"fieldSelector": "metadata.name=t"}),
    ]


def test_only_runs_are_custom_resources():
    """A 404 for a custom resource means that its CRD is not installed."""
    is_custom_resource = {
        informer.name: informer.source(a_store()).is_custom_resource for informer in build_informers()
    }
    assert is_custom_resource == {
        "coderuns *": True,
        "jobs *": False,
        "pods */job-name": False,
        "configmaps n/t": False,
    }


def test_each_namespace_has_its_own_lists_and_watches():
    """So a Role in each namespace is enough."""
    assert [informer.path for informer in build_informers(namespaces=("a", "b"))][:-1] == [
        "/apis/agents.platform/v1/namespaces/a/coderuns",
        "/apis/agents.platform/v1/namespaces/b/coderuns",
        "/apis/batch/v1/namespaces/a/jobs",
        "/apis/batch/v1/namespaces/b/jobs",
        "/api/v1/namespaces/a/pods",
        "/api/v1/namespaces/b/pods",
    ]


def test_the_api_server_applies_the_label_selector():
    """It applies to runs and Jobs. Pods of Jobs may lack the label, and ConfigMaps are selected by name."""
    selected = build_informers(label_selector="service in (a, b)")
    assert [informer.params for informer in selected[:-2]] == [{"labelSelector": "service in (a, b)"}] * 2
    assert selected[-1].params == {"fieldSelector": "metadata.name=t"}


def test_duplicate_settings_cause_one_list_and_watch():
    """Two watches of the same objects would overwrite each other's records."""
    twice = ConfigMaps(namespace="n", required=("t", RequiredConfigMap(name="t", keys=("k",))))
    settings = Settings(configmaps=twice, namespaces=("a", "a"))
    assert [informer.name for informer in informers(settings, telemetry=Telemetry(clock=lambda: 0.0))] == [
        "coderuns a",
        "jobs a",
        "pods a/job-name",
        "configmaps n/t",
    ]


def test_only_the_first_kind_and_jobs_are_required():
    """The exporter is ready once all required resources have completed their initial list."""
    required = {informer.status.resource: informer.status.required for informer in build_informers(coderuns=KINDS)}
    assert required == {"coderuns": True, "docsruns": False, "jobs": True, "pods": False, "configmaps": False}


def test_each_informer_has_its_own_partition():
    """No two informers write to the same partition of a table."""
    parts = [
        (informer.resource, informer.partition) for informer in build_informers(coderuns=KINDS, namespaces=("a", "b"))
    ]
    assert len(parts) == len(set(parts)) == 9


def test_an_object_is_decoded_to_its_record_uid_and_resource_version():
    """Each resource has its own type of record."""
    runs, jobs, _, configmaps = build_informers()
    decoded = runs.decode(raw(a_run("r", resourceVersion="7")))
    assert (decoded.uid, decoded.version, decoded.record.name) == ("uid-agent-platform-r", "7", "r")
    assert jobs.decode(raw(a_job("j"))).record.name == "j"
    decoded = configmaps.decode(raw(a_configmap("t", k="x")))
    assert (decoded.uid, decoded.record.healthy) == ("n/t", True)


def test_a_job_without_a_run_has_no_record():
    """Its UID is still returned, so that a record from before can be deleted."""
    job = a_job("j")
    del job["metadata"]["ownerReferences"]
    decoded = build_informers()[1].decode(raw(job))
    assert (decoded.uid, decoded.record) == ("uid-agent-platform-j", None)


def test_an_object_without_a_uid_is_identified_by_namespace_and_name():
    """An object without a name is not identified at all."""
    runs = build_informers()[0]
    decoded = runs.decode(raw({"metadata": {"name": "r", "namespace": "n"}}))
    assert (decoded.uid, decoded.record.uid) == ("n/r", "n/r")
    decoded = runs.decode(raw({"metadata": {"name": "r"}}))
    assert decoded.uid == decoded.record.uid == "/r"
    assert runs.decode(raw({"spec": {}}))[::2] == ("", None)


def test_an_equal_record_is_reused():
    """A relist of unchanged objects does not store copies."""
    runs, store = build_informers()[0], a_store()
    source, sink = runs.source(store), runs.sink(store)
    first = source.reuse_if_equal(source.decode(raw(a_run("r"))).record)
    run_coroutine(sink.replace({first.uid: first}))
    again = source.decode(raw(a_run("r"))).record
    assert again is not first
    assert source.reuse_if_equal(again) is first
    changed = source.decode(raw(a_run("r", status={"phase": "Running"}))).record
    assert source.reuse_if_equal(changed) is changed


def test_objects_are_counted():
    """The count is in the status of the informer."""
    runs, store = build_informers()[0], a_store()
    sink = runs.sink(store)
    record = runs.decode(raw(a_run("r"))).record
    sink.upsert(record.uid, record)
    assert runs.status.objects == 1
    sink.delete(record.uid)
    assert runs.status.objects == 0


def test_a_forbidden_list_keeps_its_records():
    """Only the records of required ConfigMaps show that they are forbidden."""
    runs, store = build_informers()[0], a_store()
    record = runs.decode(raw(a_run("r"))).record
    run_coroutine(runs.sink(store).replace({record.uid: record}))
    runs.sink(store).set_state("forbidden")
    assert len(store.cache.runs) == 1


class TestRequiredConfigMap:
    """A required ConfigMap has a record even if it does not exist."""

    @pytest.fixture
    def store(self):
        """An empty metrics store."""
        return a_store()

    @pytest.fixture
    def informer(self):
        """The informer of the ConfigMap n/t with the required key k."""
        return build_informers()[-1]

    @pytest.fixture
    def sink(self, informer, store):
        """The sink that the reflector of the ConfigMap calls."""
        return informer.sink(store)

    @pytest.fixture
    def kept(self, store):
        """A function that returns the current record of the ConfigMap."""
        return lambda: store.cache.configmaps.get("n/t")

    def test_an_empty_list_means_that_it_is_missing(self, sink, kept):
        """A missing ConfigMap is unhealthy."""
        run_coroutine(sink.replace({}))
        assert (kept().problems, kept().healthy) == ([("missing", "")], False)

    def test_a_deleted_configmap_is_missing(self, informer, sink, kept):
        """The number of objects is then 0."""
        record = informer.decode(raw(a_configmap("t", k="x"))).record
        run_coroutine(sink.replace({"n/t": record}))
        assert (kept().healthy, informer.status.objects) == (True, 0)
        sink.upsert("n/t", record)
        assert informer.status.objects == 1
        sink.delete("n/t")
        assert (kept().healthy, informer.status.objects) == (False, 0)

    def test_forbidden_before_the_first_list_is_unknown(self, sink, kept):
        """The health is None until it has been read."""
        sink.set_state("forbidden")
        assert (kept().healthy, kept().forbidden) == (None, True)
        sink.set_state("watching")
        assert (kept().healthy, kept().forbidden) == (None, False)

    def test_forbidden_after_the_first_list_keeps_the_last_health(self, informer, sink, kept):
        """`forbidden` is also set, until the watch succeeds again."""
        run_coroutine(sink.replace({"n/t": informer.decode(raw(a_configmap("t", k="x"))).record}))
        sink.set_state("forbidden")
        assert (kept().healthy, kept().forbidden) == (True, True)
        sink.set_state("watching")
        assert (kept().healthy, kept().forbidden) == (True, False)

    def test_watching_before_the_first_list_creates_no_record(self, sink, kept):
        """The health is not known yet."""
        sink.set_state("watching")
        assert kept() is None


async def test_storing_an_initial_list_yields_to_other_tasks():
    """Scrapes and probes are served meanwhile. Storing 200,000 Jobs without a pause would take a second."""
    informer = next(informer for informer in build_informers() if informer.resource == "jobs")
    decoded = [informer.decode(raw(a_job(f"j{number}", run=f"r{number}"))) for number in range(2000)]
    store, turns = a_store(), 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await informer.sink(store).replace({one.uid: one.record for one in decoded})
    counting.cancel()
    assert turns >= 8
    assert len(store.cache.jobs) == 2000


def test_pods_and_events_are_watched_unless_the_settings_disable_them():
    """`run` starts the watches of Events later, so they are only included with `on_demand`."""
    names = {informer.resource for informer in build_informers()}
    assert names == {"coderuns", "jobs", "job_pods", "configmaps"}
    settings = Settings(configmaps=ONE_CONFIGMAP, pods=Pods(enabled=False), events=Events(enabled=False))
    telemetry = Telemetry(clock=lambda: 0.0)
    assert [one.resource for one in informers(settings, telemetry=telemetry, on_demand=True)] == [
        "coderuns",
        "jobs",
        "configmaps",
    ]
    telemetry = Telemetry(clock=lambda: 0.0)
    everything = informers(Settings(namespaces=("a", "b")), telemetry=telemetry, on_demand=True)
    assert [one.path for one in everything if one.resource == "events"] == [
        f"/apis/events.k8s.io/v1/namespaces/{name}/events" for name in "ab"
    ]
