"""How the lists and watches of required ConfigMaps fill the cache: by name, and by a pattern."""

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
from tests.objects import done

PATTERN = "cto-controller-templates-*"


class Watched:
    """The one list and watch of these ConfigMaps, and what it puts into the cache."""

    def __init__(self, *required):
        settings = Settings(configmaps=ConfigMaps(namespace="n", required=required))
        cache = ObjectCache(thresholds=Thresholds())
        history = LifecycleMetrics(cache=cache, registry=CollectorRegistry())
        recorder = FlightRecorder(cache, started=0.0)
        self.store = MetricsStore(cache=cache, lifecycle=history, has_synced=lambda _: True, recorder=recorder)
        made = informers(settings, telemetry=Telemetry(clock=lambda: 0.0))
        self.feeds = [informer for informer in made if informer.resource == "configmaps"]
        self.feed = self.feeds[0]
        self.sink = self.feed.sink(self.store)

    def list(self, *objects):
        """A whole list."""
        decoded = [self._decoded(item) for item in objects]
        done(self.sink.replace({item.uid: item.record for item in decoded if item.record is not None}))
        self.sink.set_state("watching")

    def put(self, item):
        """A watch event."""
        decoded = self._decoded(item)
        self.sink.upsert(decoded.uid, decoded.record)

    def delete(self, item):
        """Another one."""
        self.sink.delete(self._decoded(item).uid)

    @property
    def found(self):
        """By name the first problem of each, `ok`, or `unknown`."""
        return {
            item.name: item.problems[0][0] if item.problems else "ok" if item.read else "unknown"
            for item in self.store.cache.configmaps
        }

    def _decoded(self, item):
        return self.feed.decode(msgspec.Raw(json.dumps(item).encode()))


@pytest.fixture
def watched():
    """Of a pattern."""
    return Watched(PATTERN)


SHARED = a_configmap("cto-controller-templates-shared", a="x")
HEALER = a_configmap("cto-controller-templates-healer", a="x")
OTHER = a_configmap("kube-root-ca.crt", a="x")


def test_a_pattern_is_one_list_of_the_namespace_and_so_are_the_names_beside_it():
    """Without a selector: the API server knows none for names with a `*`."""
    made = Watched(PATTERN, "named", RequiredConfigMap(name="keyed-*", keys=("k",))).feeds
    assert [(informer.name, informer.path, informer.params) for informer in made] == [
        ("configmaps n", "/api/v1/namespaces/n/configmaps", {})
    ]


def test_those_that_match_are_checked_and_no_others_are_kept(watched):
    """Under their own names."""
    watched.list(SHARED, a_configmap("cto-controller-templates-healer"), OTHER)
    assert watched.found == {"cto-controller-templates-shared": "ok", "cto-controller-templates-healer": "empty"}
    watched.put(OTHER)
    watched.delete(OTHER)
    assert len(watched.found) == 2


def test_one_that_is_gone_stays_required(watched):
    """By a watch event or by a list: it existed while the exporter ran."""
    watched.list(SHARED, HEALER)
    watched.delete(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "missing", "cto-controller-templates-healer": "ok"}
    assert watched.feed.status.objects == 1
    watched.list()
    assert watched.found == dict.fromkeys((SHARED["metadata"]["name"], HEALER["metadata"]["name"]), "missing")
    watched.list(SHARED)
    assert watched.found["cto-controller-templates-shared"] == "ok"


def test_a_pattern_that_nothing_matches_is_missing_itself(watched):
    """Under the pattern, until something matches."""
    watched.list(OTHER)
    assert watched.found == {PATTERN: "missing"}
    watched.put(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "ok"}
    watched.delete(SHARED)
    assert watched.found == {"cto-controller-templates-shared": "missing"}


@pytest.mark.parametrize("end", ["x\nNext:", "x y", "x;id", "$(id)", "X", "x/y", "\u202e"])
def test_a_pattern_matches_names_that_kubernetes_allows_and_no_others(watched, end):
    """The name becomes a label, and a word of a command that an alert shows."""
    watched.list(SHARED, a_configmap(f"cto-controller-templates-{end}", a="x"))
    assert watched.found == {"cto-controller-templates-shared": "ok"}


def test_names_beside_a_pattern_are_required_by_their_names():
    """With their own keys, whichever pattern matches them too."""
    both = Watched("*-shared", RequiredConfigMap(name="a-shared", keys=("k",)), "b")
    both.list(a_configmap("a-shared", x="y"), a_configmap("c-shared", x="y"))
    assert both.found == {"a-shared": "missing_key", "c-shared": "ok", "b": "missing"}
    both.delete(a_configmap("a-shared"))
    assert both.found == {"a-shared": "missing", "c-shared": "ok", "b": "missing"}


def test_a_pattern_that_may_not_be_read_is_an_unknown(watched):
    """Under the pattern before the first list, under the names after it."""
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
def test_a_star_is_any_text_and_everything_else_is_itself(pattern, name, matches):
    """A dot in a name is a dot."""
    watched = Watched(pattern)
    watched.list(a_configmap(name, k="v"))
    assert (name in watched.found) == matches
