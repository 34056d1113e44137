"""The limits, and how it is told that they were met."""

import logging
import resource

import pytest
from prometheus_client import CollectorRegistry, Counter

from exporter.commands import run
from exporter.telemetry import REFUSALS, Telemetry
from exporter.web.limits import Limits, Refusals
from tests.commands.in_process import call, logs_as_before, wrong
from tests.web.hostile import REASONS

__all__ = ["logs_as_before"]


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(20000, 512), (1024, 512), (256, 128), (resource.RLIM_INFINITY, 512)]
)
def test_connections_take_half_of_the_descriptors_at_most(monkeypatch, descriptors, connections):
    """The other half is for the API server."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    assert Limits().connections == connections


def test_every_reason_begins_at_0():
    """`increase()` does not see a counter that is born at 1."""
    registry = Telemetry(clock=lambda: 0.0).registry
    name = "coderun_exporter_clients_refused_total"
    assert REFUSALS == REASONS
    assert [registry.get_sample_value(name, {"reason": reason}) for reason in REFUSALS] == [0] * len(REFUSALS)


def test_a_fault_is_a_line_at_its_begin_and_one_at_its_end(caplog):
    """However many clients it has; the end is a minute after the last of them, and tells how many they were."""
    caplog.set_level(logging.INFO)
    now = [0.0]
    counter = Counter("refused", "Text.", ["reason"], registry=CollectorRegistry())
    refusals = Refusals(counter=counter, clock=lambda: now[0])
    for _ in range(1000):
        refusals.count("slow_head")
        now[0] += 1
        refusals.settle()
    refusals.count("connections")
    now[0] += 58.9
    refusals.settle()
    assert told(caplog) == [("WARNING", "slow_head", None), ("WARNING", "connections", None)]
    now[0] += 0.1
    refusals.settle()
    assert told(caplog) == [("INFO", "slow_head", 1000)]
    now[0] += 1
    refusals.settle()
    assert told(caplog) == [("INFO", "connections", 1)]
    refusals.count("slow_head")
    assert told(caplog) == [("WARNING", "slow_head", None)]


def told(caplog):
    """The lines since the last look."""
    lines = [(record.levelname, record.reason, getattr(record, "refused", None)) for record in caplog.records]
    caplog.clear()
    return lines


@pytest.mark.usefixtures("logs_as_before")
def test_the_number_of_scrapes_is_a_flag_and_a_setting(tmp_path, monkeypatch):
    """The flag goes first, and 0 is a number as well."""
    taken = []

    async def serving(settings):
        taken.append(settings.web.max_requests)

    monkeypatch.setattr(run, "_serve", serving)
    (tmp_path / "settings.yml").write_text("web: {max_requests: 7}\n")
    for words in ([], [f"--config.file={tmp_path}/settings.yml"]):
        for more in ([], ["--web.max-requests=0"], ["--web.max-requests=9"]):
            assert call("run", *words, *more)[0] == 0
    assert taken == [40, 0, 9, 7, 0, 9]


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("-1", "web.max_requests: -1 is not a number of scrapes: write 0 for no limit"),
        ("many", "argument --web.max-requests: invalid int value: 'many'"),
    ],
)
def test_what_is_no_number_of_scrapes_is_one_line(flag, said):
    """And exit 2."""
    assert wrong("run", f"--web.max-requests={flag}").startswith(said)
