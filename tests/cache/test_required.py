"""What is required: the default set only where something shows that the platform uses it; and what has shrunk."""

import dataclasses

import pytest

from exporter.cache import CONFIGMAPS, Change
from exporter.resources import configmaps
from exporter.resources.configmaps import unused
from exporter.resources.required import RequiredConfigMap, absent_configmap
from tests.objects import CREATED, a_configmap, a_run
from tests.worlds import World, samples

DAY = 86_400
NAMES = ("claude", "codex", "cursor", "factory", "integration", "shared")
SET = tuple(
    RequiredConfigMap(namespace="agent-platform", name=f"controller-agent-templates-{name}", by_default=True)
    for name in NAMES
)
ONE = a_configmap(name=SET[0].name, data={"a": "x" * 10, "b": "x" * 10})


def values(world, family):
    """The family's samples: by the last word of the ConfigMap's name its value, or its problem."""
    found = {}
    for line in samples(world.text(), family):
        labels = line.split('"')
        found[labels[3].rpartition("-")[2]] = labels[5] if "problem" in line else int(line[-1])
    return found


def causes(world):
    """The causes of stalled runs."""
    return sorted({line.split('cause="')[1].split('"')[0] for line in samples(world.text(), "coderun_stall_cause")})


def test_what_is_not_in_use_is_not_missing():
    """No health, no problem, no cause that names a ConfigMap; only that they were looked for."""
    world = World(a_run(), needed=SET)
    assert values(world, "configmap_health") == {}
    assert values(world, "configmap_problem") == {}
    assert values(world, "configmap_watched") == dict.fromkeys(NAMES, 1)
    assert not any(cause.startswith("configmap") for cause in causes(world))


def test_one_that_exists_makes_the_others_required():
    """From the first list on."""
    world = World(a_run(), ONE, needed=SET)
    assert values(world, "configmap_health") == {name: int(name == "claude") for name in NAMES}
    assert values(world, "configmap_problem") == dict.fromkeys(NAMES[1:], "missing")
    assert causes(world) == ["configmap_missing"]


def test_one_that_appears_changes_the_lines_of_all_and_the_causes_of_waiting_runs():
    """At once, although only one object was heard of."""
    world = World(a_run(), needed=SET)
    before = causes(world)
    world.put(ONE)
    assert values(world, "configmap_health") == {name: int(name == "claude") for name in NAMES}
    assert causes(world) == ["configmap_missing"] != before


def test_one_that_appears_in_a_list_does_so_as_well():
    """After a watch that broke off."""
    world = World(a_run(), needed=SET)
    world.text()
    world.list(CONFIGMAPS, ONE)
    assert values(world, "configmap_health") == {name: int(name == "claude") for name in NAMES}
    assert causes(world) == ["configmap_missing"]


@pytest.mark.parametrize("by_default", [True, False])
def test_a_change_of_one_concerns_the_others_of_the_default_set_alone(by_default):
    """Whichever blocks their lines are in."""
    needed = [dataclasses.replace(place, by_default=by_default) for place in SET]
    world = World(needed=needed)
    record = world.cluster.configmaps.get(SET[0].uid)
    assert {key.uid for key in configmaps.related(record, world.cluster)} == {
        place.uid for place in SET[: 6 if by_default else 1]
    }


def test_one_that_appears_changes_the_lines_of_as_many_as_there_are():
    """Blocks of lines hold 64 objects."""
    needed = [RequiredConfigMap(namespace="agent-platform", name=f"t-{n}", by_default=True) for n in range(150)]
    world = World(needed=needed)
    assert values(world, "configmap_health") == {}
    world.put(a_configmap(name="t-0", data={"a": "x"}))
    assert len(values(world, "configmap_health")) == len(values(world, "configmap_watched")) == 150


def test_what_existed_while_the_exporter_ran_stays_required():
    """All deleted is the incident, and not a platform that uses none."""
    world = World(ONE, needed=SET)
    world.delete(ONE)
    assert values(world, "configmap_health") == dict.fromkeys(NAMES, 0)
    assert values(world, "configmap_problem") == dict.fromkeys(NAMES, "missing")


def test_one_that_the_settings_name_is_required_whatever_exists():
    """And is no evidence for a default set, of which there is none then."""
    named = RequiredConfigMap(namespace="agent-platform", name="templates")
    assert values(World(needed=(named,)), "configmap_health") == {"templates": 0}


def test_one_that_may_not_be_read_and_never_was_is_not_watched():
    """Neither its presence nor its absence is known; that it is forbidden is shown, in use or not."""
    world = World(needed=SET)
    for place in SET:
        record = absent_configmap(place)
        record.read, record.forbidden = False, True
        world.store.apply(Change(CONFIGMAPS, place.uid, place.uid, record))
    assert values(world, "configmap_watched") == {}
    assert values(world, "configmap_problem") == dict.fromkeys(NAMES, "forbidden")
    assert unused(world.cluster.default_configmaps) == ""


def test_a_set_that_is_not_in_use_is_one_line():
    """It names the ConfigMaps, their namespace, and the setting."""
    world = World(needed=SET[:2])
    assert unused(world.cluster.default_configmaps) == (
        "no ConfigMap is required, because namespace agent-platform has none of "
        "controller-agent-templates-{claude,codex}. If the controller needs others, list them in configmaps.required."
    )
    world.put(ONE)
    assert unused(world.cluster.default_configmaps) == ""
    assert unused(World().cluster.default_configmaps) == ""


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
def test_more_than_half_of_the_keys_or_bytes_lost_is_a_problem_and_health_stays(data, shrunk):
    """Half is not yet."""
    world = World(ONE, needed=SET[:1])
    world.put(a_configmap(name=SET[0].name, data=data))
    assert values(world, "configmap_problem") == ({"claude": "shrunk"} if shrunk else {})
    assert values(world, "configmap_health") == {"claude": 1}


def test_more_than_half_of_the_keys_lost_is_a_problem_though_the_bytes_are_there():
    """A template that is gone is as bad as one that is cut."""
    world = World(a_configmap(name=SET[0].name, data=dict.fromkeys("abc", "x")), needed=SET[:1])
    world.put(a_configmap(name=SET[0].name, data={"a": "xxx"}))
    assert values(world, "configmap_problem") == {"claude": "shrunk"}


def test_it_ends_after_24_hours_or_when_the_content_is_back():
    """Whoever meant it need do nothing."""
    world = World(ONE, needed=SET[:1], now=CREATED)
    world.put(small := a_configmap(name=SET[0].name, data={"a": "x"}))
    world.advance(CREATED + DAY - 1)
    assert values(world, "configmap_problem") == {"claude": "shrunk"}
    world.advance(CREATED + DAY)
    assert values(world, "configmap_problem") == {}
    world.put(ONE)
    world.put(small)
    assert values(world, "configmap_problem") == {"claude": "shrunk"}
    world.put(ONE)
    assert values(world, "configmap_problem") == {}


def test_one_that_was_deleted_and_made_again_smaller_has_shrunk():
    """The place is what counts; while it is missing or empty, that is its problem."""
    world = World(ONE, needed=SET[:1])
    world.delete(ONE)
    assert values(world, "configmap_problem") == {"claude": "missing"}
    world.put(a_configmap(name=SET[0].name, data={"a": ""}))
    assert values(world, "configmap_problem") == {"claude": "empty"}
    world.put(a_configmap(name=SET[0].name, data={"a": "x"}))
    assert values(world, "configmap_problem") == {"claude": "shrunk"}
