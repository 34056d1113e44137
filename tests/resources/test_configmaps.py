"""Required ConfigMaps: object in, text out."""

import base64

import pytest

from exporter.cache import CONFIGMAPS, Change
from exporter.resources.required import absent_configmap
from tests.objects import a_configmap
from tests.worlds import World, page_of, required, samples, text

KEYED = required(keys=("a.hbs", "b.hbs"))


def told(page):
    """All lines about ConfigMaps, without what never differs here."""
    lines = [line for line in page.splitlines() if line.startswith("configmap_")]
    return [
        line.replace('namespace="agent-platform",configmap="controller-agent-templates-claude"', "") for line in lines
    ]


def based(content):
    """As in binaryData."""
    return base64.b64encode(content).decode()


def test_a_configmap_as_text():
    """Every family of a healthy one; data and binaryData count together, in bytes and not in characters."""
    page = page_of(a_configmap(data={"a.hbs": "é"}, binary={"b.hbs": based(b"12345")}), needed=(KEYED,))
    lines = [line for line in page.splitlines() if line.startswith("configmap_")]
    assert lines == text("""
        configmap_health{namespace="agent-platform",configmap="controller-agent-templates-claude"} 1
        configmap_watched{namespace="agent-platform",configmap="controller-agent-templates-claude"} 1
        configmap_keys{namespace="agent-platform",configmap="controller-agent-templates-claude"} 2
        configmap_size_bytes{namespace="agent-platform",configmap="controller-agent-templates-claude"} 7
    """)


def test_one_that_does_not_exist_is_unhealthy_and_has_no_size():
    """Nothing is measured of what is not there."""
    assert told(page_of(needed=(KEYED,))) == [
        "configmap_health{} 0",
        'configmap_problem{,problem="missing",key=""} 1',
        "configmap_watched{} 1",
    ]


@pytest.mark.parametrize("data", [None, {}, {"a.hbs": ""}])
def test_one_without_a_byte_is_empty(data):
    """Whatever keys it has; and `empty` says all, no key is named besides."""
    assert told(page_of(a_configmap(data=data), needed=(KEYED,))) == [
        "configmap_health{} 0",
        'configmap_problem{,problem="empty",key=""} 1',
        "configmap_watched{} 1",
        f"configmap_keys{{}} {len(data or {})}",
        "configmap_size_bytes{} 0",
    ]


@pytest.mark.parametrize(
    ("data", "binary", "problems"),
    [
        ({"a.hbs": "x", "b.hbs": "y"}, None, []),
        ({"a.hbs": "x"}, {"b.hbs": "eQ=="}, []),
        ({"c.hbs": "x"}, None, [("missing_key", "a.hbs"), ("missing_key", "b.hbs")]),
        ({"a.hbs": "", "c.hbs": "x"}, None, [("missing_key", "b.hbs"), ("empty_key", "a.hbs")]),
        ({"a.hbs": "x"}, {"b.hbs": ""}, [("empty_key", "b.hbs")]),
    ],
)
def test_required_keys_must_be_there_and_not_empty(data, binary, problems):
    """In data or in binaryData; each is named."""
    page = page_of(a_configmap(data=data, binary=binary), needed=(KEYED,))
    assert samples(page, "configmap_health")[0].endswith(f" {int(not problems)}")
    assert [tuple(line.split('"')[5::2][:2]) for line in samples(page, "configmap_problem")] == problems


@pytest.mark.parametrize(
    ("size", "near"), [(838_860, False), (838_861, True), (1_048_576, True)], ids=["below 80 %", "80 %", "the limit"]
)
def test_one_near_the_limit_is_told_and_healthy(size, near):
    """80 % of 1,048,576 bytes: the next template may be the one that does not fit."""
    page = page_of(a_configmap(data={"a": "x" * size}), needed=(required(),))
    assert told(page) == [
        "configmap_health{} 1",
        *(['configmap_problem{,problem="near_limit",key=""} 1'] if near else []),
        "configmap_watched{} 1",
        "configmap_keys{} 1",
        f"configmap_size_bytes{{}} {size}",
    ]


@pytest.mark.parametrize("length", range(8))
def test_the_size_of_binary_data_is_that_of_what_it_stands_for(length):
    """Whatever the padding."""
    page = page_of(a_configmap(binary={"a": based(b"x" * length)}), needed=(required(),))
    assert samples(page, "configmap_size_bytes")[0].endswith(f" {length}")


def test_base64_that_is_none_has_no_size_below_zero():
    """Nothing that the API server would send, and nothing that may confuse the sum."""
    page = page_of(a_configmap(binary={"a": "=", "b": "=="}), needed=(required(),))
    assert samples(page, "configmap_size_bytes")[0].endswith(" 0")


def test_one_that_was_never_read_has_no_health():
    """An unknown is not a no: only that it may not be read is told."""
    record = absent_configmap(KEYED)
    record.read, record.forbidden = False, True
    world = World(needed=(KEYED,))
    world.store.apply(Change(CONFIGMAPS, KEYED.uid, KEYED.uid, record))
    assert told(world.text()) == ['configmap_problem{,problem="forbidden",key=""} 1']


def test_one_that_may_not_be_read_any_more_keeps_what_was_read():
    """The last good whole, and the reason why it is no newer; whether it is still there is not known."""
    world = World(a_configmap(data={"a": "x"}), needed=(required(),))
    known = world.cluster.configmaps.get(required().uid)
    record = absent_configmap(required())
    record.exists, record.keys, record.size, record.forbidden = True, known.keys, known.size, True
    world.store.apply(Change(CONFIGMAPS, known.uid, known.uid, record))
    assert told(world.text()) == [
        "configmap_health{} 1",
        'configmap_problem{,problem="forbidden",key=""} 1',
        "configmap_keys{} 1",
        "configmap_size_bytes{} 1",
    ]


def test_one_that_is_deleted_and_made_again_is_the_same_place():
    """A place is required, whichever object fills it."""
    world = World(full := a_configmap(data={"a": "x"}), needed=(required(),))
    before = told(world.text())
    world.delete(full)
    assert told(world.text())[0] == "configmap_health{} 0"
    world.put(full | {"metadata": full["metadata"] | {"uid": "another"}})
    assert told(world.text()) == before
