"""`ready` and `long_lived` of a compiled profile."""

import pytest

from tests.profiles.readers import a_reader, values

READY = 'ready: {".status.conditions[?(@.type==\'Ready\')].status": ["True"], .spec.on: [true, absent]}'


@pytest.mark.parametrize(
    ("item", "told"),
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
def test_a_run_is_ready_if_all_conditions_hold(item, told):
    """A condition that is not there does not hold."""
    reader = a_reader(READY)
    assert reader.is_ready(values(reader, item)[0]) is told


def test_a_profile_that_does_not_define_ready_says_nothing_about_it():
    """An unknown is not a no; an empty mapping takes the shipped conditions away."""
    assert a_reader("{}").is_ready is None
    assert a_reader("ready: {}").is_ready is None


@pytest.mark.parametrize(
    ("text", "item", "told"),
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
def test_a_run_is_long_lived_always_or_by_conditions(text, item, told):
    """By default no run is."""
    reader = a_reader(text)
    assert reader.is_long_lived(values(reader, item)[0]) is told
