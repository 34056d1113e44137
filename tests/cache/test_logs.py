"""What the logs of a Job's containers say: kept until the Job is gone, and bounded."""

import msgspec

from exporter.cache import JOBS, Change, ContainerLog
from exporter.log_formats import LogReport
from tests.cache.test_object_cache import a_cache, a_job


def a_log(name="c", *, ended=False, **fields):
    """The report of a container."""
    return ContainerLog(id=name, report=LogReport(**fields), ended=ended)


def test_a_report_is_that_of_its_job_until_the_job_is_gone():
    """A change of the Job keeps it."""
    cache = a_cache(jobs=[job := a_job()])
    assert cache.logs_of(job) is None
    cache.logs.put("j", log := a_log(turns=1))
    assert cache.logs.has("j", log)
    assert not cache.logs.has("j", a_log(turns=2))
    cache.apply(Change(JOBS, "*", "j", a_job(result="succeeded")))
    assert cache.logs_of(job).containers == (log,)
    cache.apply(Change(JOBS, "*", "j", None))
    assert (cache.logs_of(job), len(cache.logs)) == (None, 0)


def test_a_report_of_an_unknown_job_is_dropped():
    """The Job was deleted while the log was read."""
    cache = a_cache()
    cache.logs.put("j", a_log())
    assert len(cache.logs) == 0


def test_the_containers_that_run_are_the_current_ones():
    """If none runs, the last one."""
    cache = a_cache(jobs=[job := a_job()])
    cache.logs.put("j", a_log("a", ended=True, turns=1))
    cache.logs.put("j", a_log("b", turns=2))
    cache.logs.put("j", a_log("c", turns=3))
    assert [one.turns for one in cache.logs_of(job).current] == [2, 3]
    cache.logs.put("j", a_log("b", ended=True, turns=4))
    assert [one.turns for one in cache.logs_of(job).current] == [3]
    cache.logs.put("j", a_log("c", ended=True, turns=5))
    assert [one.turns for one in cache.logs_of(job).current] == [5]


def test_a_container_of_which_nothing_was_read_is_unknown():
    """And nothing else: it is not the current one, nor the last one, and is dropped at its end."""
    unread = ContainerLog(id="b", report=LogReport(), unread=True)
    cache = a_cache(jobs=[job := a_job()])
    cache.logs.put("j", a_log("a", last_word=1.0))
    assert cache.logs_of(job).last_word is not None
    cache.logs.put("j", unread)
    logs = cache.logs_of(job)
    assert (logs.running, logs.last_word, len(logs.current)) == ((), None, 1)
    cache.logs.put("j", ended := a_log("a", ended=True, last_word=1.0))
    assert cache.logs_of(job).current == [ended.report]
    cache.logs.put("j", msgspec.structs.replace(unread, ended=True))
    assert cache.logs_of(job).containers == (ended,)


def test_sixteen_containers_are_kept_and_the_sums_of_all():
    """A container that is restarted for days leaves no more. One that runs is never dropped."""
    cache = a_cache(jobs=[job := a_job()])
    cache.logs.put("j", a_log("runs", turns=1000))
    for number in range(100):
        cache.logs.put("j", a_log(str(number), ended=True, turns=1, cost_dollars=0.5, tokens_output=2, sessions=9))
    logs = cache.logs_of(job)
    assert [one.id for one in logs.containers] == ["runs", *map(str, range(85, 100))]
    assert sum(one.turns or 0 for one in logs.all) == 1100
    assert sum(one.cost_dollars or 0 for one in logs.all) == 50
    assert sum(one.tokens_output or 0 for one in logs.all) == 200
    assert (logs.earlier.tokens_input, logs.earlier.sessions) == (None, 0)
