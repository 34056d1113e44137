"""The soak test: kinds of faults, the life of objects, and the check of scrapes."""

import itertools

import pytest

from tools.soak.__main__ import least_seconds, main
from tools.soak.faults import KINDS, drawn
from tools.soak.life import WRITES, Life, Stage, name_of
from tools.soak.platform import lives_for, turnover
from tools.soak.play import LEAST_INTERVAL, Options
from tools.soak.scrapers import FORMS, Seen, seen_on

GZIP_TEXT, GZIP_OPENMETRICS = FORMS[0], FORMS[1]
RUN_METRICS = "# HELP coderun_created_timestamp When.\n# TYPE coderun_created_timestamp gauge\n" + "".join(
    f'coderun_created_timestamp{{namespace="n",coderun="r{number}"}} 1767261600\n' for number in range(5)
)
EXPORTER_METRICS = """# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.048576e+06
# HELP process_open_fds Number of open file descriptors.
# TYPE process_open_fds gauge
process_open_fds 31.0
# HELP coderun_exporter_requests_total Number of lists and watches started.
# TYPE coderun_exporter_requests_total counter
coderun_exporter_requests_total{resource="jobs",scope="*",verb="list"} 2.0
coderun_exporter_requests_total{resource="jobs",scope="*",verb="watch"} 3.0
# HELP coderun_exporter_errors_total Requests that failed.
# TYPE coderun_exporter_errors_total counter
coderun_exporter_errors_total{code="cut",resource="jobs",scope="*"} 4.0
coderun_exporter_errors_total{code="cut",resource="coderuns",scope="*"} 1.0
# HELP coderun_exporter_event_loop_delay_seconds How much later.
# TYPE coderun_exporter_event_loop_delay_seconds histogram
coderun_exporter_event_loop_delay_seconds_bucket{le="0.01"} 8.0
coderun_exporter_event_loop_delay_seconds_bucket{le="+Inf"} 9.0
coderun_exporter_event_loop_delay_seconds_count 9.0
coderun_exporter_event_loop_delay_seconds_sum 0.1
# HELP coderun_exporter_event_loop_tasks Tasks of the event loop.
# TYPE coderun_exporter_event_loop_tasks gauge
coderun_exporter_event_loop_tasks 28.0
"""


def test_all_kinds_of_faults_occur_before_one_is_repeated():
    """The seed decides the order."""
    names = [kind.name for kind in itertools.islice(drawn(seed=1), 2 * len(KINDS))]
    assert sorted(names[: len(KINDS)]) == sorted(names[len(KINDS) :]) == sorted(kind.name for kind in KINDS)
    assert names == [kind.name for kind in itertools.islice(drawn(seed=1), 2 * len(KINDS))]
    assert names != [kind.name for kind in itertools.islice(drawn(seed=2), 2 * len(KINDS))]


def test_the_idle_timeout_of_a_watch_is_shorter_than_a_fault():
    """It is longer than the interval of keepalives. A fault ends well before the next one."""
    for options in (Options(), Options(fault_every=LEAST_INTERVAL)):
        assert 1.2 < options.idle < options.fault_seconds < options.fault_every / 2


def test_the_default_duration_is_long_enough():
    """All objects are replaced once, and enough blocks remain."""
    assert lives_for(20_000) == 10_909
    assert turnover(10_909, rate=300) == pytest.approx(10_909 * WRITES / 300)
    assert least_seconds(Options()) < Options().seconds


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--minutes", "5"], "it takes 8.8 minutes to tell growth from chance"),
        (["--fault-every", "4"], "--fault-every must be 5 at least"),
    ],
)
def test_a_soak_that_is_too_short_is_an_error(capsys, args, expected):
    """The error is printed before it starts. The line has the minimum."""
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_a_status_is_that_of_the_real_controllers():
    """Each stage has its own status. Every tenth run fails."""
    statuses = {stage: Life(number=7, uid="u", stage=stage).status for stage in list(Stage)[2:]}
    assert statuses[Stage.JOB_ACTIVE]["active"] == 1
    assert statuses[Stage.RUN_RUNNING]["phase"] == "Running"
    assert [each["type"] for each in statuses[Stage.JOB_ENDED]["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert statuses[Stage.RUN_ENDED]["phase"] == "Succeeded"
    assert statuses[Stage.RUN_RUNNING]["jobName"] == name_of(Life(number=7).job)
    assert statuses[Stage.RUN_ENDED]["workCompleted"] is True
    failed = Life(number=10, stage=Stage.JOB_ENDED).status
    assert [each["type"] for each in failed["conditions"]] == ["FailureTarget", "Failed"]
    assert "completionTime" not in failed
    assert "phase" not in Life(number=10, stage=Stage.RUN_ENDED).status  # Running: the run is retried


def test_a_created_object_has_only_fields_that_clients_set():
    """It has no UID, times, finalizers or status. The Job is owned by the run."""
    life = Life(number=7, uid="u")
    assert sorted(life.run["metadata"]) == ["labels", "name", "namespace"]
    assert "status" not in life.run
    assert life.job["metadata"]["ownerReferences"][0]["uid"] == "u"


def record_scrape(text, *, form=GZIP_TEXT, least=5, most=5):
    """What a scraper records for a response."""
    seen = Seen(at=0.0, seconds=0.1, form=form.name, client=0)
    seen_on(text.encode(), seen, form=form, least=least, most=most)
    return seen


@pytest.mark.parametrize(("form", "end"), [(GZIP_TEXT, ""), (GZIP_OPENMETRICS, "# EOF\n")])
def test_a_scrape_has_the_figures_of_the_exporter(form, end):
    """Both formats have them, in any order of families."""
    seen = record_scrape(RUN_METRICS + EXPORTER_METRICS + end, form=form)
    assert seen.problem == ""
    assert (seen.memory, seen.tasks, seen.descriptors, seen.requests) == (2**20, 28, 31, 5)
    assert seen.errors == {"cut": 5}
    assert seen.late == {"0.01": 8, "+Inf": 9}


@pytest.mark.parametrize(
    ("text", "form", "problem"),
    [
        ((RUN_METRICS + EXPORTER_METRICS)[:-1], GZIP_TEXT, "the page ends in"),
        (RUN_METRICS + EXPORTER_METRICS, GZIP_OPENMETRICS, "the page ends in"),
        (EXPORTER_METRICS, GZIP_TEXT, "0 runs on the page instead of 5 to 5"),
        (RUN_METRICS.rsplit("\n", 2)[0] + "\n" + EXPORTER_METRICS, GZIP_TEXT, "4 runs on the page"),
    ],
)
def test_an_incomplete_scrape_is_a_failed_scrape(text, form, problem):
    """It is truncated, or runs are missing. The status does not matter."""
    assert record_scrape(text, form=form).problem.startswith(problem)
