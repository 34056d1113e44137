"""The five traps of the platform: what its objects look like where one would think otherwise."""

from tests.objects import CREATED, a_configmap, a_job, a_run, owned_by, stamp
from tests.worlds import World, required, samples


def job_name(world):
    """The run's job_name on the page."""
    return [line.split('"')[5] for line in samples(world.text(), "coderun_job_name")]


def causes(world):
    """The causes on the page, with their details."""
    lines = samples(world.text(), "coderun_stall_cause", "job_hang_cause")
    return [tuple(line.split('"')[5::2]) for line in lines]


def test_no_status_at_all_is_the_signature_of_a_template_failure():
    """A finalizer, no status, no Job: phase none, an empty job_name, and the broken ConfigMap as the cause."""
    run = a_run(spec={"cliConfig": {"cliType": "claude"}})
    run["metadata"]["finalizers"] = ["coderuns.orchestrator.io/finalizer"]
    world = World(run, needed=(required(),), now=CREATED + 27_000)
    assert samples(world.text(), "coderun_phase") == ['coderun_phase{namespace="n",coderun="r",phase="none"} 1']
    assert job_name(world) == [""]
    assert causes(world) == [("configmap_missing", "agent-platform/controller-agent-templates-claude")]
    world.put(a_configmap(data={"code_claude_container.sh.hbs": "x"}))
    assert causes(world) == [("reconcile_failing", "finalizer and no status: the controller fails to reconcile it")]
    world.put(a_job())
    assert job_name(world) == ["j"]
    assert causes(world) == []


def test_joins_are_on_the_uid_and_never_on_names():
    """The same name made again is another run: the Job of the old UID is not its Job, and stays as an orphan."""
    world = World(old := a_run(uid="old"), a_job(of=old))
    world.delete(old)
    world.put(a_run(uid="new"))
    assert job_name(world) == [""]
    assert samples(world.text(), "job_active") == ['job_active{namespace="n",job_name="j"} 1']
    world.put(a_job(of=a_run(uid="new"), uid="job-2", name="cut-and-hashed-0f3a"))
    assert job_name(world) == ["cut-and-hashed-0f3a"]


def test_a_job_made_again_under_its_old_name_is_another_job():
    """The ADDED of the new one may come before the DELETED of the old one: that takes nothing from the new one."""
    world = World(a_run(), old := a_job(uid="old", deleted=CREATED + 20))
    world.put(a_job(uid="new", created=CREATED + 30))
    world.delete(old)
    assert job_name(world) == ["j"]
    assert len(samples(world.text(), "job_active")) == 1


def test_a_jobs_owner_may_change_and_both_runs_know():
    """An adopted Job leaves the one and joins the other."""
    world = World(a_run(), other := a_run(uid="other", name="other"), a_job())
    assert job_name(world) == ["j", ""]
    world.put(a_job(owners=[owned_by(other)]))
    assert job_name(world) == ["", "j"]


def test_a_retry_deletes_the_job_and_leaves_running_with_a_stale_job_name():
    """Both phase and jobName say that all is well; the missing Job says that it is not, and stays so for ever."""
    status = {"phase": "Running", "jobName": "j"}
    world = World(a_run(status=status), job := a_job(labels={"context-version": "1"}))
    assert job_name(world) == ["j"]
    world.put(a_run(status=status, spec={"contextVersion": 2}))
    world.put(a_job(deleted=CREATED + 100))
    world.delete(job)
    world.advance(CREATED + 86_400)
    assert job_name(world) == [""]
    assert causes(world) == [("job_missing", "status names Job j, which does not exist")]
    assert samples(world.text(), "coderun_attempt") == ['coderun_attempt{namespace="n",coderun="r"} 2']
    world.put(a_job(uid="job-2", name="j-v2", created=CREATED + 110, labels={"context-version": "2"}))
    assert job_name(world) == ["j-v2"]
    assert causes(world) == []


def test_binary_data_counts_and_is_measured_decoded():
    """868 kB of base64 are 651,000 bytes, 62 % of the limit: neither empty nor near it."""
    item = a_configmap(binary={"code_claude_container.sh.hbs": "QUJD" * 217_000})
    world = World(item, needed=(required(keys=("code_claude_container.sh.hbs",)),))
    page = world.text()
    place = 'namespace="agent-platform",configmap="controller-agent-templates-claude"'
    assert samples(page, "configmap_health") == [f"configmap_health{{{place}}} 1"]
    assert samples(page, "configmap_size_bytes") == [f"configmap_size_bytes{{{place}}} 651000"]
    assert samples(page, "configmap_problem") == []


def test_finished_jobs_may_be_deleted_at_once():
    """A terminal run without a Job is normal: no empty job_name, no cause, until its retention has passed."""
    world = World(a_run(status={"phase": "Running", "jobName": "j"}), a_job())
    done = a_job(ended="Complete")
    world.put(done)
    world.delete(done)
    world.put(a_run(status={"phase": "Succeeded", "jobName": "j", "lastUpdate": stamp(CREATED + 300)}))
    assert job_name(world) == ["j"]
    assert causes(world) == []
    assert samples(world.text(), "job_active") == []


def test_a_job_that_is_deleted_before_its_run_is_told_leaves_the_run_without_one():
    """Between the two the run has no Job, and nothing else is known: the alert's own waiting time covers it."""
    world = World(a_run(status={"phase": "Running"}), done := a_job(ended="Failed"))
    world.delete(done)
    assert job_name(world) == [""]
    assert causes(world) == []
