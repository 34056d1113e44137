"""How lists and watches of required ConfigMaps update the cache, for exact names and for patterns."""

import json

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from exporter.cache import ObjectCache, Thresholds
from exporter.config import ConfigMaps, RequiredConfigMap, Settings
from exporter.diagnosis.recorder import FlightRecorder
from exporter.informers import informers
from exporter.resources.lifecycle import LifecycleMetrics
from exporter.resources.metrics_store import MetricsStore
from exporter.telemetry import Telemetry
from tests.clusters import a_configmap
from tests.objects import run_coroutine

PATTERN = "cto-controller-templates-*"


class ConfigMapFixture:
    """The list and watch of these required ConfigMaps, with the cache that it updates."""

    def __init__(self, *required):
        settings = Settings(configmaps=ConfigMaps(namespace="n", required=required))
        cache = ObjectCache(thresholds=Thresholds())
        history = LifecycleMetrics(cache=cache, registry=CollectorRegistry())
        recorder = FlightRecorder(cache, started=0.0)
        self.store = MetricsStore(cache=cache, lifecycle=history, has_synced=lambda _: True, recorder=recorder)
        made = informers(settings, telemetry=Telemetry(clock=lambda: 0.0))
        self.informers = [informer for informer in made if informer.resource == "configmaps"]
        self.informer = self.informers[0]
        self.sink = self.informer.sink(self.store)

    def list(self, *objects):
        """Applies a completed list with these objects."""
        decoded = [self._decoded(item) for item in objects]
        run_coroutine(self.sink.replace({item.uid: item.record for item in decoded if item.record is not None}))
        self.sink.set_state("watching")

    def put(self, item):
        """Applies an ADDED or MODIFIED event."""
        decoded = self._decoded(item)
        self.sink.upsert(decoded.uid, decoded.record)

    def delete(self, item):
        """Applies a DELETED event."""
        self.sink.delete(self._decoded(item).uid)

    @property
    def found(self):
        """Maps the name of each ConfigMap to its first problem, to `ok`, or to `unknown`."""
        return {
            item.name: item.problems[0][0] if item.problems else "ok" if item.read else "unknown"
            for item in self.store.cache.configmaps
        }

    def _decoded(self, item):
        return self.informer.decode(msgspec.Raw(json.dumps(item).encode()))


@pytest.fixture
def watched():
    """A fixture whose required ConfigMaps are one pattern."""
    return ConfigMapFixture(PATTERN)


SHARED = a_configmap("cto-controller-templates-shared", a="x")
HEALER = a_configmap("cto-controller-templates-healer", a="x")
OTHER = a_configmap("kube-root-ca.crt", a="x")


def test_a_pattern_lists_its_namespace_once_also_for_the_names_beside_it():
    """There is no field selector, because the API server does not support patterns of names."""
    made = ConfigMapFixture(PATTERN, "named", RequiredConfigMap(name="keyed-*", keys=("k",))).informers
    assert [(informer.name, informer.path, informer.params) for informer in made] == [
        ("configmaps n", "/api/v1/namespaces/n/configmaps", {})
    ]


def test_configmaps_that_match_a_pattern_are_checked_and_others_are_not_stored(watched):
    """Each matching ConfigMap is reported under its own name."""
    watched.list(SHARED, a_configmap("cto-controller-templates-healer"), OTHER)
    assert watched.found == {"cto-controller-templates-shared": "ok", "cto-controller-templates-healer": "empty"}
    watched.put(OTHER)
    watched.delete(OTHER)
    assert len(watched.found) == 2


def test_a_deleted_configmap_that_matched_a_pattern_is_missing(watched):
    """A watch event or a list removes it. It remains required, because it existed while the exporter ran."""
    watched.list(SHARED, HEALER)
    watched.delete(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "missing", "cto-controller-templates-healer": "ok"}
    assert watched.informer.status.objects == 1
    watched.list()
    assert watched.found == dict.fromkeys((SHARED["metadata"]["name"], HEALER["metadata"]["name"]), "missing")
    watched.list(SHARED)
    assert watched.found["cto-controller-templates-shared"] == "ok"


def test_a_pattern_without_a_match_is_missing_itself(watched):
    """It is reported under the pattern until a ConfigMap matches."""
    watched.list(OTHER)
    assert watched.found == {PATTERN: "missing"}
    watched.put(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "ok"}
    watched.delete(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "missing"}


@pytest.mark.parametrize("end", ["x\nNext:", "x y", "x;id", "$(id)", "X", "x/y", "\u202e"])
def test_a_pattern_matches_only_valid_kubernetes_names(watched, end):
    """The name becomes a label value and part of a command in an alert's annotations."""
    watched.list(SHARED, a_configmap(f"cto-controller-templates-{end}", a="x"))
    assert watched.found == {"cto-controller-templates-shared": "ok"}


def test_names_beside_a_pattern_are_required_by_their_names():
    """They keep their own required keys, even if a pattern matches them too."""
    both = ConfigMapFixture("*-shared", RequiredConfigMap(name="a-shared", keys=("k",)), "b")
    both.list(a_configmap("a-shared", x="y"), a_configmap("c-shared", x="y"))
    assert both.found == {"a-shared": "missing_key", "c-shared": "ok", "b": "missing"}
    both.delete(a_configmap("a-shared"))
    assert both.found == {"a-shared": "missing", "c-shared": "ok", "b": "missing"}


def test_a_pattern_that_is_forbidden_is_unknown(watched):
    """Before the first list it is reported under the pattern, afterwards under the names that were read."""
    watched.sink.set_state("forbidden")
    assert watched.found == {PATTERN: "unknown"}
    watched.list(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "ok"}
    watched.sink.set_state("forbidden")
    assert watched.found == {"cto-controller-templates-shared": "ok"}
    assert [item.forbidden for item in watched.store.cache.configmaps] == [True]
    watched.sink.set_state("watching")
    assert [item.forbidden for item in watched.store.cache.configmaps] == [False]


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("a-*", "a-b", True),
        ("a-*", "a-", True),
        ("a-*", "xa-b", False),
        ("*-a", "b-a", True),
        ("*-a", "b-a-c", False),
        ("a*b*c", "abc", True),
        ("a.b-*", "axb-c", False),
        ("*", "anything", True),
    ],
)
def test_a_star_matches_any_text_and_other_characters_only_themselves(pattern, name, matches):
    """For example, a dot matches only a dot."""
    watched = ConfigMapFixture(pattern)
    watched.list(a_configmap(name, k="v"))
    assert (name in watched.found) == matches
