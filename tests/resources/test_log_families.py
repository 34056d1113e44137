"""Metric families of what the logs of a Job say: report in, exposition text out."""

import pytest

from exporter.cache import JOBS, LOGS, NEVER, ContainerLog, Thresholds
from exporter.log_formats import LogReport
from exporter.resources import RESOURCES
from tests.harness import StoreHarness, text
from tests.objects import CREATED, a_job, a_run

AGENT = {"agent": "rex"}


def page(*logs, run=None, job=None, **more):
    """The lines of a Job's `agent_*` families. `logs` are the reports of its containers, or pairs.

    The second of a pair has the other fields of the container's log.
    """
    owner = run or a_run()
    harness = StoreHarness(owner, job or a_job(of=owner), has_logs=True, **more)
    for number, log in enumerate(logs):
        fields, others = log if isinstance(log, tuple) else (log, {})
        harness.store.put_log("job-j", ContainerLog(id=str(number), report=LogReport(**fields), **others))
    return [line.replace('{namespace="n",job_name="j"', "{") for line in lines_of(harness)]


def lines_of(harness):
    """The lines of the families of Jobs that are read from logs."""
    families = (family for one in RESOURCES if one.table == JOBS for family in one.families)
    names = tuple(family.name for family in families if family.uses == (LOGS,))
    return [line for line in harness.text().splitlines() if line.startswith(names)]


def test_what_the_agent_reports():
    """Each is absent where it is unknown."""
    report = {
        "format": "claude",
        "sessions": 2,
        "first_line": CREATED + 1,
        "last_line": CREATED + 30.5,
        "last_word": CREATED + 20,
        "outcome": "error",
        "cost_dollars": 0.25,
        "turns": 7,
        "tokens_input": 1000,
        "tokens_cached": 900,
        "tokens_output": 50,
    }
    assert page((report, {"started": CREATED + 0.5})) == text("""
        agent_main_container_started_timestamp_seconds{} 1760000000.5
        agent_last_log_timestamp_seconds{} 1760000030.5
        agent_result_timestamp_seconds{,outcome="error"} 1760000020
        agent_result_limit_seconds{} 300
        agent_silence_limit_seconds{} 1800
        agent_sessions{} 2
        agent_turns{} 7
        agent_cost_dollars{} 0.25
        agent_tokens{,type="input"} 100
        agent_tokens{,type="cached_input"} 900
        agent_tokens{,type="output"} 50
    """)
    assert page({}) == text("""
        agent_result_limit_seconds{} 300
        agent_silence_limit_seconds{} 1800
    """)
    assert page() == []


def test_a_restarted_container_has_its_own_last_word_and_the_sums_of_both():
    """What it cost before counts; its sessions begin again."""
    first = {"last_line": CREATED + 20, "last_word": CREATED + 20, "outcome": "error", "sessions": 3, "turns": 5}
    found = page((first, {"ended": True}), {"last_line": CREATED + 10, "sessions": 1, "turns": 2})
    assert found[0] == "agent_last_log_timestamp_seconds{} 1760000010"
    assert found[-2:] == ["agent_sessions{} 1", "agent_turns{} 7"]
    assert not [line for line in found if line.startswith("agent_result_timestamp")]


def test_several_containers_have_a_last_word_once_all_have():
    """Pods that work in parallel: the newest one counts."""
    one, two = ({"last_word": CREATED + at, "outcome": "success"} for at in (1, 2))
    assert not any("agent_result_timestamp" in line for line in page(one, {}))
    assert page(one, two)[0] == 'agent_result_timestamp_seconds{,outcome="success"} 1760000002'


LIMITS = Thresholds(agent_result_limits={"rex": 60}, agent_silence_limits={"rex": NEVER})


@pytest.mark.parametrize(
    ("fields", "thresholds", "limits"),
    [
        ({}, None, ("300", "1800")),
        ({"cli": "codex"}, None, ("1200", "1800")),
        ({"cli": "opencode"}, Thresholds(agent_result_limit=90, agent_silence_limit=5), ("90", "5")),
        ({"cli": "codex", "agent": "rex"}, LIMITS, ("60", "+Inf")),
        ({"cli": "codex", "agent": "tess"}, LIMITS, ("1200", "1800")),
    ],
)
def test_the_limits_are_those_of_the_agent_else_of_the_cli(fields, thresholds, limits):
    """A limit of the settings applies to every CLI."""
    run = a_run(spec={"githubApp": fields.get("agent", ""), "cliConfig": {"cliType": fields.get("cli", "")}})
    result, silence = page({}, run=run, thresholds=thresholds)
    assert (result.split()[-1], silence.split()[-1]) == limits


def test_the_format_of_the_log_stands_for_an_unknown_cli():
    """A Job without labels."""
    assert page({"format": "droid"})[0] == "agent_result_limit_seconds{} 1200"


def test_a_format_that_is_written_at_the_end_has_no_limit_of_silence():
    """Its silence is normal."""
    assert page({"is_silent_by_design": True}) == ["agent_result_limit_seconds{} 300"]


def test_a_finished_job_has_no_limits():
    """Its last word and what it cost stay."""
    report = {"last_word": CREATED + 20, "last_line": CREATED + 30, "outcome": "success", "turns": 1}
    for ended in (False, True):
        assert page((report, {"ended": ended}), job=a_job(ended="Complete")) == text("""
            agent_last_log_timestamp_seconds{} 1760000030
            agent_result_timestamp_seconds{,outcome="success"} 1760000020
            agent_turns{} 1
        """)


def test_a_job_of_which_no_container_runs_has_no_times():
    """Between two pods nothing writes lines: it is not silent."""
    report = {"last_word": CREATED + 20, "last_line": CREATED + 30, "outcome": "success", "turns": 1}
    assert page((report, {"ended": True})) == ["agent_turns{} 1"]


def test_a_log_that_cannot_be_read_any_more_has_no_times():
    """Old times would look like silence. Another container does not replace it."""
    report = {"last_word": CREATED + 20, "last_line": CREATED + 30, "outcome": "success", "turns": 1, "sessions": 2}
    stale = (report, {"stale": True, "started": CREATED})
    assert page(stale) == ["agent_sessions{} 2", "agent_turns{} 1"]
    assert page(stale, report) == ["agent_sessions{} 2", "agent_turns{} 2"]


def test_a_container_whose_log_was_never_read_has_no_family():
    """Nor has another container of its Job times. Its end changes nothing."""
    report = {"last_word": CREATED + 20, "last_line": CREATED + 30, "outcome": "success", "turns": 1}
    unread = ({}, {"unread": True, "started": CREATED + 25})
    assert page(unread) == page(unread, job=a_job(ended="Complete")) == []
    assert page(report, unread) == page(unread, report) == ["agent_turns{} 1"]
    assert page((report, {"ended": True}), unread, job=a_job(ended="Complete"))[1] == (
        'agent_result_timestamp_seconds{,outcome="success"} 1760000020'
    )


def test_the_newest_running_container_is_the_start_of_silence():
    """A container that has ended does not count."""
    logs = [({}, {"started": CREATED + at, "ended": at == 3}) for at in (1, 2, 3)]
    assert page(*logs)[0] == "agent_main_container_started_timestamp_seconds{} 1760000002"


def test_an_agent_of_a_long_lived_run_may_be_silent(monkeypatch):
    """It waits for its next task."""
    harness = StoreHarness(a_run(), a_job(), has_logs=True)
    (run,) = harness.cache.runs
    monkeypatch.setattr(run, "long_lived", True)
    harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport()))
    assert [line.split()[-1] for line in lines_of(harness)] == ["+Inf", "+Inf"]


def test_a_report_renders_the_families_that_it_alters_and_no_other():
    """The same report again renders nothing."""
    harness = StoreHarness(a_run(), a_job(), has_logs=True)
    log = ContainerLog(id="c", report=LogReport(last_line=CREATED + 1, turns=1))
    harness.store.put_log("job-j", log)
    harness.text()
    rendered = []
    section = harness.store._compressed["jobs"]
    families = harness.store._resources["jobs"].families
    section._render_text = lambda which, uids, inner=section._render_text: (
        rendered.extend(families[index].name for index in which) or inner(which, uids)
    )
    harness.store.put_log("job-j", log)
    harness.text()
    assert rendered == []
    harness.store.put_log("job-j", ContainerLog(id="c", report=LogReport(last_line=CREATED + 2, turns=1)))
    harness.text()
    assert rendered == ["agent_last_log_timestamp_seconds"]


def test_without_logs_there_is_no_such_family():
    """Neither its HELP, nor work for it. The cause has other sources too."""
    harness = StoreHarness(a_run(), a_job())
    assert "agent_result" not in harness.text()
    assert [family.name for family in harness.store._families_reading[LOGS]["jobs"].values()] == ["job_hang_cause"]
