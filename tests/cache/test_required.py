"""Which ConfigMaps are required, and which have lost much of their content."""

import dataclasses

import pytest

from exporter.cache import CONFIGMAPS, Change
from exporter.resources import configmaps
from exporter.resources.configmaps import unused
from exporter.resources.required import RequiredConfigMap, absent_configmap
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_configmap, a_run

DAY = 86_400
NAMES = ("claude", "codex", "cursor", "factory", "integration", "shared")
DEFAULT_SET = tuple(
    RequiredConfigMap(namespace="agent-platform", name=f"controller-agent-templates-{name}", by_default=True)
    for name in NAMES
)
CONFIGMAP = a_configmap(name=DEFAULT_SET[0].name, data={"a": "x" * 10, "b": "x" * 10})


def values(harness, family):
    """Maps the last part of each ConfigMap's name to its value of the family, or to its problem."""
    found = {}
    for line in samples(harness.text(), family):
        labels = line.split('"')
        found[labels[3].rpartition("-")[2]] = labels[5] if "problem" in line else int(line[-1])
    return found


def causes(harness):
    """The causes of stalled runs."""
    return sorted({line.split('cause="')[1].split('"')[0] for line in samples(harness.text(), "coderun_stall_cause")})


def test_the_default_set_is_not_required_while_none_of_it_exists():
    """There is no health, problem or cause. Only configmap_watched is exposed."""
    harness = StoreHarness(a_run(), needed=DEFAULT_SET)
    assert values(harness, "configmap_health") == {}
    assert values(harness, "configmap_problem") == {}
    assert values(harness, "configmap_watched") == dict.fromkeys(NAMES, 1)
    assert not any(cause.startswith("configmap") for cause in causes(harness))


def test_one_existing_configmap_makes_the_whole_set_required():
    """This holds from the initial list on."""
    harness = StoreHarness(a_run(), CONFIGMAP, needed=DEFAULT_SET)
    assert values(harness, "configmap_health") == {name: int(name == "claude") for name in NAMES}
    assert values(harness, "configmap_problem") == dict.fromkeys(NAMES[1:], "missing")
    assert causes(harness) == ["configmap_missing"]


def test_a_configmap_that_appears_changes_the_samples_of_the_whole_set():
    """The causes of waiting runs change too, although only one object has changed."""
    harness = StoreHarness(a_run(), needed=DEFAULT_SET)
    before = causes(harness)
    harness.put(CONFIGMAP)
    assert values(harness, "configmap_health") == {name: int(name == "claude") for name in NAMES}
    assert causes(harness) == ["configmap_missing"] != before


def test_a_configmap_that_appears_in_a_relist_has_the_same_effect():
    """For example after an interrupted watch."""
    harness = StoreHarness(a_run(), needed=DEFAULT_SET)
    harness.text()
    harness.list(CONFIGMAPS, CONFIGMAP)
    assert values(harness, "configmap_health") == {name: int(name == "claude") for name in NAMES}
    assert causes(harness) == ["configmap_missing"]


@pytest.mark.parametrize("by_default", [True, False])
def test_a_change_affects_the_other_configmaps_of_the_default_set_only(by_default):
    """ConfigMaps that the settings name are independent of each other."""
    needed = [dataclasses.replace(requirement, by_default=by_default) for requirement in DEFAULT_SET]
    harness = StoreHarness(needed=needed)
    record = harness.cache.configmaps.get(DEFAULT_SET[0].key)
    assert {key.uid for key in configmaps.related(record, harness.cache)} == {
        requirement.key for requirement in DEFAULT_SET[: 6 if by_default else 1]
    }


def test_a_configmap_that_appears_changes_the_samples_of_a_large_set():
    """The set is larger than a block of lines."""
    needed = [RequiredConfigMap(namespace="agent-platform", name=f"t-{n}", by_default=True) for n in range(150)]
    harness = StoreHarness(needed=needed)
    assert values(harness, "configmap_health") == {}
    harness.put(a_configmap(name="t-0", data={"a": "x"}))
    assert len(values(harness, "configmap_health")) == len(values(harness, "configmap_watched")) == 150


def test_a_configmap_that_existed_while_the_exporter_ran_remains_required():
    """If all are deleted, that is an incident, and not a platform that uses none."""
    harness = StoreHarness(CONFIGMAP, needed=DEFAULT_SET)
    harness.delete(CONFIGMAP)
    assert values(harness, "configmap_health") == dict.fromkeys(NAMES, 0)
    assert values(harness, "configmap_problem") == dict.fromkeys(NAMES, "missing")


def test_a_configmap_of_the_settings_is_always_required():
    """In this case there is no default set."""
    named = RequiredConfigMap(namespace="agent-platform", name="templates")
    assert values(StoreHarness(needed=(named,)), "configmap_health") == {"templates": 0}


def test_a_forbidden_configmap_is_not_watched():
    """Whether it exists is unknown. It has the problem `forbidden`, even if the set is not in use."""
    harness = StoreHarness(needed=DEFAULT_SET)
    for requirement in DEFAULT_SET:
        record = absent_configmap(requirement)
        record.read, record.forbidden = False, True
        harness.store.apply(Change(CONFIGMAPS, requirement.key, requirement.key, record))
    assert values(harness, "configmap_watched") == {}
    assert values(harness, "configmap_problem") == dict.fromkeys(NAMES, "forbidden")
    assert unused(harness.cache.default_configmaps) == ""


def test_the_notice_about_an_unused_default_set():
    """It names the ConfigMaps, their namespace and the setting."""
    harness = StoreHarness(needed=DEFAULT_SET[:2])
    assert unused(harness.cache.default_configmaps) == (
        "no ConfigMap is required, because namespace agent-platform has none of "
        "controller-agent-templates-{claude,codex}. If the controller needs others, list them in configmaps.required."
    )
    harness.put(CONFIGMAP)
    assert unused(harness.cache.default_configmaps) == ""
    assert unused(StoreHarness().cache.default_configmaps) == ""


@pytest.mark.parametrize(
    ("data", "shrunk"),
    [
        ({"a": "x" * 10, "b": ""}, False),
        ({"a": "x" * 9, "b": ""}, True),
        ({"a": "x" * 20}, False),
        ({"a": "x" * 40, "c": "y"}, False),
    ],
    ids=["half of its bytes lost", "more than half of its bytes lost", "half of its keys lost", "grown"],
)
def test_a_configmap_that_lost_more_than_half_of_its_keys_or_bytes_has_shrunk(data, shrunk):
    """It remains healthy. A loss of exactly half is not reported."""
    harness = StoreHarness(CONFIGMAP, needed=DEFAULT_SET[:1])
    harness.put(a_configmap(name=DEFAULT_SET[0].name, data=data))
    assert values(harness, "configmap_problem") == ({"claude": "shrunk"} if shrunk else {})
    assert values(harness, "configmap_health") == {"claude": 1}


def test_a_configmap_that_lost_more_than_half_of_its_keys_but_no_bytes_has_shrunk():
    """A missing template is as bad as a truncated one."""
    harness = StoreHarness(
        a_configmap(name=DEFAULT_SET[0].name, data=dict.fromkeys("abc", "x")), needed=DEFAULT_SET[:1]
    )
    harness.put(a_configmap(name=DEFAULT_SET[0].name, data={"a": "xxx"}))
    assert values(harness, "configmap_problem") == {"claude": "shrunk"}


def test_the_problem_ends_after_24_hours_or_when_the_content_is_back():
    """If the change was intended, users need not do anything."""
    harness = StoreHarness(CONFIGMAP, needed=DEFAULT_SET[:1], now=CREATED)
    harness.put(small := a_configmap(name=DEFAULT_SET[0].name, data={"a": "x"}))
    harness.advance(CREATED + DAY - 1)
    assert values(harness, "configmap_problem") == {"claude": "shrunk"}
    harness.advance(CREATED + DAY)
    assert values(harness, "configmap_problem") == {}
    harness.put(CONFIGMAP)
    harness.put(small)
    assert values(harness, "configmap_problem") == {"claude": "shrunk"}
    harness.put(CONFIGMAP)
    assert values(harness, "configmap_problem") == {}


def test_a_configmap_that_was_deleted_and_created_again_smaller_has_shrunk():
    """While it is missing or empty, that is its only problem."""
    harness = StoreHarness(CONFIGMAP, needed=DEFAULT_SET[:1])
    harness.delete(CONFIGMAP)
    assert values(harness, "configmap_problem") == {"claude": "missing"}
    harness.put(a_configmap(name=DEFAULT_SET[0].name, data={"a": ""}))
    assert values(harness, "configmap_problem") == {"claude": "empty"}
    harness.put(a_configmap(name=DEFAULT_SET[0].name, data={"a": "x"}))
    assert values(harness, "configmap_problem") == {"claude": "shrunk"}
