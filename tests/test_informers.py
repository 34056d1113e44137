"""Which lists and watches the settings ask for, and how each fills the picture."""

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
from tests.objects import done

KINDS = CodeRuns(kinds=(Profile(), Profile(plural="docsruns", kind="DocsRun")))
ONE = ConfigMaps(namespace="n", required=(RequiredConfigMap(name="t", keys=("k",)),))


def made(**settings):
    """The feeds of these settings."""
    telemetry = Telemetry(clock=lambda: 1_700_000_000.0)
    return informers(Settings(configmaps=ONE, **settings), telemetry=telemetry)


def a_picture(*, all_namespaces=True):
    """An empty one."""
    cache = ObjectCache(thresholds=Thresholds(), all_namespaces=all_namespaces)
    history = LifecycleMetrics(cache=cache, registry=CollectorRegistry())
    recorder = FlightRecorder(cache, started=0.0)
    return MetricsStore(cache=cache, lifecycle=history, has_synced=lambda _: True, recorder=recorder)


def raw(obj):
    """As it comes over the wire."""
    return msgspec.Raw(json.dumps(obj).encode())


def test_by_default_all_namespaces_are_read():
    """And of ConfigMaps only the required ones, each by its name: a Role with resourceNames is enough."""
    assert [(informer.name, informer.path, informer.params) for informer in made(coderuns=KINDS)] == [
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


def test_a_crd_defines_runs_and_nothing_else():
    """A server that does not know Jobs or ConfigMaps has said nothing about them."""
    is_custom_resource = {informer.name: informer.source(a_picture()).is_custom_resource for informer in made()}
    assert is_custom_resource == {
        "coderuns *": True,
        "jobs *": False,
        "pods */job-name": False,
        "configmaps n/t": False,
    }


def test_each_namespace_has_its_own_lists():
    """So that a Role in each is enough."""
    assert [informer.path for informer in made(namespaces=("a", "b"))][:-1] == [
        "/apis/agents.platform/v1/namespaces/a/coderuns",
        "/apis/agents.platform/v1/namespaces/b/coderuns",
        "/apis/batch/v1/namespaces/a/jobs",
        "/apis/batch/v1/namespaces/b/jobs",
        "/api/v1/namespaces/a/pods",
        "/api/v1/namespaces/b/pods",
    ]


def test_a_label_selector_is_the_api_servers():
    """It sends less of runs and of Jobs, whose Pods may lack the label; the ConfigMaps are known by their names."""
    selected = made(label_selector="service in (a, b)")
    assert [informer.params for informer in selected[:-2]] == [{"labelSelector": "service in (a, b)"}] * 2
    assert selected[-1].params == {"fieldSelector": "metadata.name=t"}


def test_what_is_named_twice_is_read_once():
    """Two watches of one thing would fill one part of the picture in turn."""
    twice = ConfigMaps(namespace="n", required=("t", RequiredConfigMap(name="t", keys=("k",))))
    settings = Settings(configmaps=twice, namespaces=("a", "a"))
    assert [informer.name for informer in informers(settings, telemetry=Telemetry(clock=lambda: 0.0))] == [
        "coderuns a",
        "jobs a",
        "pods a/job-name",
        "configmaps n/t",
    ]


def test_only_the_first_kind_and_the_jobs_are_required():
    """What readiness waits for."""
    required = {informer.status.resource: informer.status.required for informer in made(coderuns=KINDS)}
    assert required == {"coderuns": True, "docsruns": False, "jobs": True, "pods": False, "configmaps": False}


def test_parts_are_told_apart():
    """Two feeds never write to the same part of a table."""
    parts = [(informer.resource, informer.partition) for informer in made(coderuns=KINDS, namespaces=("a", "b"))]
    assert len(parts) == len(set(parts)) == 9


def test_an_object_is_decoded_to_its_record_its_uid_and_its_version():
    """For each resource."""
    runs, jobs, _, configmaps = made()
    decoded = runs.decode(raw(a_run("r", resourceVersion="7")))
    assert (decoded.uid, decoded.version, decoded.record.name) == ("uid-agent-platform-r", "7", "r")
    assert jobs.decode(raw(a_job("j"))).record.name == "j"
    decoded = configmaps.decode(raw(a_configmap("t", k="x")))
    assert (decoded.uid, decoded.record.healthy) == ("n/t", True)


def test_a_job_that_is_nobodys_has_no_record():
    """It is passed over, and known by its UID, so that it can be taken away."""
    job = a_job("j")
    del job["metadata"]["ownerReferences"]
    decoded = made()[1].decode(raw(job))
    assert (decoded.uid, decoded.record) == ("uid-agent-platform-j", None)


def test_an_object_without_a_uid_is_known_by_its_place():
    """And one without a name is not known at all."""
    runs = made()[0]
    decoded = runs.decode(raw({"metadata": {"name": "r", "namespace": "n"}}))
    assert (decoded.uid, decoded.record.uid) == ("n/r", "n/r")
    decoded = runs.decode(raw({"metadata": {"name": "r"}}))
    assert decoded.uid == decoded.record.uid == "/r"
    assert runs.decode(raw({"spec": {}}))[::2] == ("", None)


def test_an_equal_record_is_the_one_that_is_there():
    """A list of what is known costs no second copy."""
    runs, store = made()[0], a_picture()
    source, sink = runs.source(store), runs.sink(store)
    first = source.reuse_if_equal(source.decode(raw(a_run("r"))).record)
    done(sink.replace({first.uid: first}))
    again = source.decode(raw(a_run("r"))).record
    assert again is not first
    assert source.reuse_if_equal(again) is first
    changed = source.decode(raw(a_run("r", status={"phase": "Running"}))).record
    assert source.reuse_if_equal(changed) is changed


def test_objects_are_counted_as_they_come_and_go():
    """In the feed's own status."""
    runs, store = made()[0], a_picture()
    sink = runs.sink(store)
    record = runs.decode(raw(a_run("r"))).record
    sink.upsert(record.uid, record)
    assert runs.status.objects == 1
    sink.delete(record.uid)
    assert runs.status.objects == 0


def test_rights_are_of_no_matter_to_what_is_no_single_object():
    """A list that is forbidden leaves what was read."""
    runs, store = made()[0], a_picture()
    record = runs.decode(raw(a_run("r"))).record
    done(runs.sink(store).replace({record.uid: record}))
    runs.sink(store).set_state("forbidden")
    assert len(store.cache.runs) == 1


class TestOfAConfigMap:
    """It has a record also while it does not exist."""

    @pytest.fixture
    def store(self):
        """An empty one."""
        return a_picture()

    @pytest.fixture
    def informer(self):
        """Of the ConfigMap n/t with the key k."""
        return made()[-1]

    @pytest.fixture
    def sink(self, informer, store):
        """Where its list and watch go."""
        return informer.sink(store)

    @pytest.fixture
    def kept(self, store):
        """Its record, as of when it is called."""
        return lambda: store.cache.configmaps.get("n/t")

    def test_an_empty_list_says_that_it_is_missing(self, sink, kept):
        """Which is read, and unhealthy."""
        done(sink.replace({}))
        assert (kept().problems, kept().healthy) == ([("missing", "")], False)

    def test_its_deletion_says_so_as_well(self, informer, sink, kept):
        """It is no object then."""
        record = informer.decode(raw(a_configmap("t", k="x"))).record
        done(sink.replace({"n/t": record}))
        assert (kept().healthy, informer.status.objects) == (True, 0)
        sink.upsert("n/t", record)
        assert informer.status.objects == 1
        sink.delete("n/t")
        assert (kept().healthy, informer.status.objects) == (False, 0)

    def test_forbidden_before_it_was_read_is_an_unknown(self, sink, kept):
        """No health."""
        sink.set_state("forbidden")
        assert (kept().healthy, kept().forbidden) == (None, True)
        sink.set_state("watching")
        assert (kept().healthy, kept().forbidden) == (None, False)

    def test_forbidden_after_it_was_read_keeps_what_was_seen(self, informer, sink, kept):
        """And says so."""
        done(sink.replace({"n/t": informer.decode(raw(a_configmap("t", k="x"))).record}))
        sink.set_state("forbidden")
        assert (kept().healthy, kept().forbidden) == (True, True)
        sink.set_state("watching")
        assert (kept().healthy, kept().forbidden) == (True, False)

    def test_allowed_before_it_was_read_says_nothing(self, sink, kept):
        """There is nothing to tell yet."""
        sink.set_state("watching")
        assert kept() is None


async def test_others_have_a_turn_while_a_first_list_is_put_in_place():
    """Scrapes and probes are answered; 200,000 Jobs in one go would hold them up for a second."""
    informer = next(informer for informer in made() if informer.resource == "jobs")
    decoded = [informer.decode(raw(a_job(f"j{number}", run=f"r{number}"))) for number in range(2000)]
    store, turns = a_picture(), 0

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


def test_pods_and_events_are_read_unless_the_settings_say_otherwise():
    """Events only where a command wants the largest scope of them: `run` watches them on demand."""
    names = {informer.resource for informer in made()}
    assert names == {"coderuns", "jobs", "job_pods", "configmaps"}
    settings = Settings(configmaps=ONE, pods=Pods(enabled=False), events=Events(enabled=False))
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
