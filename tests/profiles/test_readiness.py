"""The fields `ready` and `long_lived` of a profile."""

import pytest

from tests.profiles.readers import a_reader, values

READY = 'ready: {".status.conditions[?(@.type==\'Ready\')].status": ["True"], .spec.on: [true, absent]}'


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, True),
        ({"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"on": True}}, True),
        ({"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"on": False}}, False),
        ({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False),
        ({"status": {"conditions": [{"type": "Other", "status": "True"}]}}, False),
        ({"status": {"conditions": "x"}}, False),
        ({}, False),
    ],
)
def test_a_run_is_ready_if_all_conditions_are_met(item, expected):
    """A condition on a missing field is not met, unless it lists `absent`."""
    reader = a_reader(READY)
    assert reader.is_ready(values(reader, item)[0]) is expected


def test_without_ready_in_the_profile_readiness_is_unknown():
    """An empty mapping removes the conditions of the shipped profile."""
    assert a_reader("{}").is_ready is None
    assert a_reader("ready: {}").is_ready is None


@pytest.mark.parametrize(
    ("text", "item", "expected"),
    [
        ("{}", {}, False),
        ("long_lived: false", {}, False),
        ("long_lived: {}", {}, False),
        ("long_lived: true", {}, True),
        ("long_lived: {.spec.mode: [session]}", {"spec": {"mode": "session"}}, True),
        ("long_lived: {.spec.mode: [session]}", {"spec": {"mode": "task"}}, False),
        ("long_lived: {.spec.mode: [session]}", {}, False),
    ],
)
def test_a_run_is_long_lived_always_or_on_conditions(text, item, expected):
    """By default no run is long-lived."""
    reader = a_reader(text)
    assert reader.is_long_lived(values(reader, item)[0]) is expected
