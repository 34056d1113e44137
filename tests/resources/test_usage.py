"""What agents report in their logs, as counters and as the cost of a run: reports in, samples out."""

import pytest

from exporter.cache import NEVER, ContainerLog, Thresholds
from exporter.log_formats import LogReport
from exporter.resources import run_costs
from exporter.resources.lifecycle import LifecycleMetrics
from tests.cache import test_object_cache as records
from tests.harness import StoreHarness, samples
from tests.objects import CREATED, a_job, a_run

START = CREATED + 60
REX = {"githubApp": "5DLabs-Rex", "model": "m"}
REPORT = LogReport(cost_dollars=4.0, turns=2, turns_sum=9, tokens_input=1000, tokens_cached=900, tokens_output=50)


def a_harness(*jobs, spec=REX, **more):
    """An exporter that reads logs, with a run and its Jobs."""
    return StoreHarness(a_run(spec=spec), *(jobs or (a_job(),)), has_logs=True, **more)


def put(harness, report, *, at="c", job="job-j", **fields):
    """Applies the report about a container."""
    harness.store.put_log(job, ContainerLog(id=at, report=report, **fields))


def counted(harness):
    """The samples of the counters, without their common labels."""
    lines = samples("\n".join(harness.history()), "agent_usage_dollars_total", "agent_usage_turns_total")
    lines += samples("\n".join(harness.history()), "agent_usage_tokens_total")
    return [line.replace('agent="rex",model="m",namespace="n"', "").replace("{}", "") for line in lines]


def cost_lines(harness):
    """The samples of the cost of runs and its limit."""
    return [line for line in harness.text().splitlines() if line.startswith("coderun_cost")]


def test_what_agents_report_is_counted():
    """A new series is 0 for two minutes, because increase() ignores its first value."""
    harness = a_harness()
    put(harness, REPORT)
    assert {line.split()[-1] for line in counted(harness)} == {"0.0"}
    harness.advance(START + 119)
    assert {line.split()[-1] for line in counted(harness)} == {"0.0"}
    harness.advance(START + 120)
    assert counted(harness) == [
        "agent_usage_dollars_total 4.0",
        "agent_usage_turns_total 9.0",
        'agent_usage_tokens_total{,type="input"} 100.0',
        'agent_usage_tokens_total{,type="cached_input"} 900.0',
        'agent_usage_tokens_total{,type="output"} 50.0',
    ]
    put(harness, LogReport(cost_dollars=5.5, turns_sum=10, tokens_input=1200, tokens_cached=900, tokens_output=50))
    assert [line.split()[-1] for line in counted(harness)] == ["5.5", "10.0", "300.0", "900.0", "50.0"]


def test_a_cli_that_reports_no_cost_has_none():
    """An unknown cost is not 0."""
    harness = a_harness()
    put(harness, LogReport(format="codex", turns=1, turns_sum=1, tokens_input=10))
    harness.advance(START + 600)
    assert counted(harness) == ["agent_usage_turns_total 1.0", 'agent_usage_tokens_total{,type="input"} 10.0']
    assert cost_lines(harness) == []


def test_a_cost_of_0_is_reported():
    """An agent whose requests all failed."""
    harness = a_harness()
    put(harness, LogReport(cost_dollars=0.0))
    assert counted(harness) == ["agent_usage_dollars_total 0.0"]
    assert cost_lines(harness) == ['coderun_cost_dollars{namespace="n",coderun="r"} 0']


def test_what_was_written_before_the_exporter_started_is_not_counted():
    """A restart counts nothing twice; the cost of the run includes it."""
    harness = a_harness()
    put(harness, LogReport(cost_dollars=9.0), earlier=LogReport(cost_dollars=8.0))
    harness.advance(START + 600)
    assert counted(harness) == ["agent_usage_dollars_total 1.0"]
    assert cost_lines(harness) == ['coderun_cost_dollars{namespace="n",coderun="r"} 9']


def test_a_report_with_less_than_before_is_not_counted():
    """Such as that of a log that is read from its beginning again: a counter never decreases."""
    harness = a_harness()
    for cost in (4.0, 1.0, None, 1.0):
        put(harness, LogReport(cost_dollars=cost))
    harness.advance(START + 600)
    assert counted(harness) == ["agent_usage_dollars_total 5.0"]


def test_a_clock_that_is_set_back_holds_no_amount():
    """It would be held for as long as the clock was set back."""
    harness = a_harness()
    put(harness, LogReport(cost_dollars=4.0))
    harness.advance(START - 3600)
    assert counted(harness) == ["agent_usage_dollars_total 4.0"]


def test_many_models_are_counted_together():
    """At most 200 combinations in one namespace; the agent is kept."""
    runs = [a_run(name=f"r{n}", uid=f"run-{n}", spec=REX | {"model": f"m{n}"}) for n in range(250)]
    jobs = [a_job(of=run, name=f"j{n}", uid=f"job-{n}") for n, run in enumerate(runs)]
    harness = StoreHarness(*runs, *jobs, has_logs=True)
    for n in range(250):
        put(harness, LogReport(cost_dollars=1.0), job=f"job-{n}")
    harness.advance(START + 600)
    lines = samples("\n".join(harness.history()), "agent_usage_dollars_total")
    assert len(lines) == 201
    assert 'agent_usage_dollars_total{agent="rex",model="other",namespace="n"} 50.0' in lines


def test_the_cost_of_a_run_includes_its_deleted_jobs_until_the_run_is_gone():
    """A retry deletes the Job of the attempt before."""
    second = a_job(name="j2", uid="job-2", created=CREATED + 40)
    harness = a_harness(a_job(), second)
    put(harness, LogReport(cost_dollars=4.0), at="a")
    put(harness, LogReport(cost_dollars=1.5), at="b")
    put(harness, LogReport(cost_dollars=2.0), job="job-2")
    expected = ['coderun_cost_dollars{namespace="n",coderun="r"} 7.5']
    assert cost_lines(harness) == expected
    harness.delete(a_job())
    assert cost_lines(harness) == expected
    harness.delete(second)
    assert cost_lines(harness) == expected
    third = a_job(name="j3", uid="job-3", created=CREATED + 50)
    harness.put(third)
    put(harness, LogReport(cost_dollars=1.0), job="job-3")
    assert cost_lines(harness) == ['coderun_cost_dollars{namespace="n",coderun="r"} 8.5']
    harness.delete(a_run(spec=REX))
    assert cost_lines(harness) == []
    harness.delete(third)
    harness.put(a_run(spec=REX))
    assert cost_lines(harness) == []


def test_the_cost_of_a_run_includes_that_of_its_worker_runs_that_have_ended():
    """A run that works for it replaces one that has failed."""
    own = {"resource": "sandboxes", "owner": "p"}
    runs = [
        records.a_run("p", worker="Sandbox", workers_prefix="sandboxes/"),
        records.a_run("w1", state="failed", **own),
        records.a_run("w2", **own),
    ]
    cache = records.a_cache(runs=runs, jobs=[records.a_job(f"j{n}", owner=f"w{n}") for n in (1, 2)])
    cache.logs.put("j1", ContainerLog(id="a", report=LogReport(cost_dollars=4.0)))
    cache.logs.put("j2", ContainerLog(id="a", report=LogReport(cost_dollars=1.5)))
    assert run_costs.cost(runs[0], cache) == 5.5


def test_a_run_that_shares_a_pod_has_no_cost(monkeypatch):
    """The Pod works for other runs too."""
    harness = a_harness()
    (run,) = harness.cache.runs
    monkeypatch.setattr(run, "shared", True)
    put(harness, LogReport(cost_dollars=4.0))
    assert cost_lines(harness) == []


@pytest.mark.parametrize(
    ("thresholds", "of_run", "of_agent"),
    [
        (None, [], []),
        (Thresholds(run_cost_limit=20, hourly_cost_limit=60), ["20"], ["60.0"]),
        (Thresholds(run_cost_limit=20, run_cost_limits={"rex": NEVER}), ["+Inf"], []),
        (Thresholds(run_cost_limits={"rex": 5, "tess": 7}, hourly_cost_limits={"rex": 9}), ["5"], ["9.0"]),
        (Thresholds(run_cost_limits={"tess": 7}, hourly_cost_limits={"tess": 9}), [], []),
    ],
)
def test_the_limits_are_metrics_and_have_no_default(thresholds, of_run, of_agent):
    """That of the agent, else that of all agents."""
    harness = a_harness(thresholds=thresholds)
    put(harness, LogReport(cost_dollars=4.0))
    limits = [line.split()[-1] for line in cost_lines(harness) if "limit" in line]
    hourly = samples("\n".join(harness.history()), "agent_hourly_cost_limit_dollars")
    assert (limits, [line.split()[-1] for line in hourly]) == (of_run, of_agent)
    assert all(line.startswith('agent_hourly_cost_limit_dollars{agent="rex",namespace="n"}') for line in hourly)


def test_the_agent_of_the_job_stands_for_an_unknown_one():
    """The limits of its agent apply to a run that does not name it."""
    job = a_job(labels={"github-user": "5dlabs-rex"})
    harness = a_harness(job, spec={}, thresholds=Thresholds(run_cost_limits={"rex": 5}))
    assert cost_lines(harness) == ['coderun_cost_limit_dollars{namespace="n",coderun="r"} 5']


def test_the_limit_appears_with_the_first_job_of_a_run():
    """The agent is unknown until then, and the run itself does not change."""
    harness = StoreHarness(a_run(spec={}), has_logs=True, thresholds=Thresholds(run_cost_limits={"rex": 5}))
    assert cost_lines(harness) == []
    harness.put(a_job(labels={"github-user": "5dlabs-rex"}))
    assert cost_lines(harness) == ['coderun_cost_limit_dollars{namespace="n",coderun="r"} 5']


def test_without_logs_there_is_no_such_metric():
    """Neither families nor counters."""
    harness = StoreHarness(a_run(spec=REX), a_job(), thresholds=Thresholds(run_cost_limit=20))
    assert "cost" not in harness.text()
    assert isinstance(harness.lifecycle, LifecycleMetrics)
    assert "agent_usage" not in harness.lifecycle.text(openmetrics=True)


def test_what_many_running_containers_report_is_counted_once():
    """An indexed Job runs many at the same time, and each of them is read again and again."""
    harness = a_harness()
    for _ in range(3):
        for number in range(40):
            put(harness, LogReport(cost_dollars=1.0, last_line=harness.store.cache.now), at=str(number))
        harness.advance(harness.store.cache.now + 120)
    for number in range(40):
        put(harness, LogReport(cost_dollars=1.0), at=str(number), ended=True)
    harness.advance(harness.store.cache.now + 120)
    assert counted(harness) == ["agent_usage_dollars_total 40.0"]
    assert [line.split()[-1] for line in cost_lines(harness)] == ["40"]
