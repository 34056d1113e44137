"""The metrics of required ConfigMaps: from a ConfigMap as JSON to exposition text."""

import base64

import pytest

from exporter.cache import CONFIGMAPS, Change
from exporter.resources.required import absent_configmap
from tests.harness import StoreHarness, exposition_of, required, samples, text
from tests.objects import a_configmap

WITH_KEYS = required(keys=("a.hbs", "b.hbs"))


def configmap_lines(exposition):
    """The samples of all ConfigMap families, without the labels namespace and configmap."""
    lines = [line for line in exposition.splitlines() if line.startswith("configmap_")]
    return [
        line.replace('namespace="agent-platform",configmap="controller-agent-templates-claude"', "") for line in lines
    ]


def base64_text(content):
    """Encodes bytes as a value of binaryData."""
    return base64.b64encode(content).decode()


def test_the_metrics_of_a_healthy_configmap():
    """The size is in bytes, not in characters, and includes data and binaryData."""
    exposition = exposition_of(
        a_configmap(data={"a.hbs": "é"}, binary={"b.hbs": base64_text(b"12345")}), needed=(WITH_KEYS,)
    )
    lines = [line for line in exposition.splitlines() if line.startswith("configmap_")]
    assert lines == text("""
        configmap_health{namespace="agent-platform",configmap="controller-agent-templates-claude"} 1
        configmap_watched{namespace="agent-platform",configmap="controller-agent-templates-claude"} 1
        configmap_keys{namespace="agent-platform",configmap="controller-agent-templates-claude"} 2
        configmap_size_bytes{namespace="agent-platform",configmap="controller-agent-templates-claude"} 7
    """)


def test_a_missing_configmap_is_unhealthy_and_has_no_size():
    """Neither its keys nor its size is exposed."""
    assert configmap_lines(exposition_of(needed=(WITH_KEYS,))) == [
        "configmap_health{} 0",
        'configmap_problem{,problem="missing",key=""} 1',
        "configmap_watched{} 1",
    ]


@pytest.mark.parametrize("data", [None, {}, {"a.hbs": ""}])
def test_a_configmap_without_content_is_empty(data):
    """It may have keys without values. Its only problem is `empty`: the missing keys are not listed as well."""
    assert configmap_lines(exposition_of(a_configmap(data=data), needed=(WITH_KEYS,))) == [
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
def test_required_keys_must_exist_and_not_be_empty(data, binary, problems):
    """A key may be in data or in binaryData. Each missing or empty key is a problem of its own."""
    exposition = exposition_of(a_configmap(data=data, binary=binary), needed=(WITH_KEYS,))
    assert samples(exposition, "configmap_health")[0].endswith(f" {int(not problems)}")
    assert [tuple(line.split('"')[5::2][:2]) for line in samples(exposition, "configmap_problem")] == problems


@pytest.mark.parametrize(
    ("size", "near"), [(838_860, False), (838_861, True), (1_048_576, True)], ids=["below 80 %", "80 %", "the limit"]
)
def test_a_configmap_near_the_size_limit_has_a_problem_and_is_healthy(size, near):
    """The limit is 1,048,576 bytes. From 80 % on, the next template may not fit."""
    exposition = exposition_of(a_configmap(data={"a": "x" * size}), needed=(required(),))
    assert configmap_lines(exposition) == [
        "configmap_health{} 1",
        *(['configmap_problem{,problem="near_limit",key=""} 1'] if near else []),
        "configmap_watched{} 1",
        "configmap_keys{} 1",
        f"configmap_size_bytes{{}} {size}",
    ]


@pytest.mark.parametrize("length", range(8))
def test_the_size_of_binary_data_is_the_decoded_size(length):
    """The padding of the base64 text is not counted."""
    exposition = exposition_of(a_configmap(binary={"a": base64_text(b"x" * length)}), needed=(required(),))
    assert samples(exposition, "configmap_size_bytes")[0].endswith(f" {length}")


def test_invalid_base64_does_not_make_the_size_negative():
    """The API server sends no such value."""
    exposition = exposition_of(a_configmap(binary={"a": "=", "b": "=="}), needed=(required(),))
    assert samples(exposition, "configmap_size_bytes")[0].endswith(" 0")


def test_a_forbidden_configmap_has_no_health():
    """Its health is unknown. Only the problem `forbidden` is exposed."""
    record = absent_configmap(WITH_KEYS)
    record.read, record.forbidden = False, True
    harness = StoreHarness(needed=(WITH_KEYS,))
    harness.store.apply(Change(CONFIGMAPS, WITH_KEYS.key, WITH_KEYS.key, record))
    assert configmap_lines(harness.text()) == ['configmap_problem{,problem="forbidden",key=""} 1']


def test_a_configmap_that_becomes_forbidden_keeps_its_last_data():
    """The problem `forbidden` is exposed too. Whether the ConfigMap still exists is unknown."""
    harness = StoreHarness(a_configmap(data={"a": "x"}), needed=(required(),))
    known = harness.cache.configmaps.get(required().key)
    record = absent_configmap(required())
    record.exists, record.keys, record.size, record.forbidden = True, known.keys, known.size, True
    harness.store.apply(Change(CONFIGMAPS, known.uid, known.uid, record))
    assert configmap_lines(harness.text()) == [
        "configmap_health{} 1",
        'configmap_problem{,problem="forbidden",key=""} 1',
        "configmap_keys{} 1",
        "configmap_size_bytes{} 1",
    ]


def test_a_configmap_that_is_deleted_and_created_again_has_the_same_series():
    """A ConfigMap is required by its name, so its UID does not matter."""
    harness = StoreHarness(full := a_configmap(data={"a": "x"}), needed=(required(),))
    before = configmap_lines(harness.text())
    harness.delete(full)
    assert configmap_lines(harness.text())[0] == "configmap_health{} 0"
    harness.put(full | {"metadata": full["metadata"] | {"uid": "another"}})
    assert configmap_lines(harness.text()) == before
