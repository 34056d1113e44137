"""Objects of the agent platform that are easily misinterpreted."""

from tests.harness import StoreHarness, required, samples
from tests.objects import CREATED, a_configmap, a_job, a_run, owned_by, stamp


def job_name(harness):
    """The values of the label `job_name` of coderun_job_name."""
    return [line.split('"')[5] for line in samples(harness.text(), "coderun_job_name")]


def causes(harness):
    """The stall and hang causes with their details."""
    lines = samples(harness.text(), "coderun_stall_cause", "job_hang_cause")
    return [tuple(line.split('"')[5::2]) for line in lines]


def test_a_missing_status_is_the_sign_of_a_template_failure():
    """The run has a finalizer, but no status and no Job. The cause is the broken ConfigMap."""
    run = a_run(spec={"cliConfig": {"cliType": "claude"}})
    run["metadata"]["finalizers"] = ["coderuns.orchestrator.io/finalizer"]
    harness = StoreHarness(run, needed=(required(),), now=CREATED + 27_000)
    assert samples(harness.text(), "coderun_phase") == ['coderun_phase{namespace="n",coderun="r",phase="none"} 1']
    assert job_name(harness) == [""]
    assert causes(harness) == [("configmap_missing", "agent-platform/controller-agent-templates-claude")]
    harness.put(a_configmap(data={"code_claude_container.sh.hbs": "x"}))
    assert causes(harness) == [("reconcile_failing", "finalizer and no status: the controller fails to reconcile it")]
    harness.put(a_job())
    assert job_name(harness) == ["j"]
    assert causes(harness) == []


def test_joins_use_uids_and_never_names():
    """A run that is created again is another run. The Job of the old UID is exposed without a run."""
    harness = StoreHarness(old := a_run(uid="old"), a_job(of=old))
    harness.delete(old)
    harness.put(a_run(uid="new"))
    assert job_name(harness) == [""]
    assert samples(harness.text(), "job_active") == ['job_active{namespace="n",job_name="j"} 1']
    harness.put(a_job(of=a_run(uid="new"), uid="job-2", name="cut-and-hashed-0f3a"))
    assert job_name(harness) == ["cut-and-hashed-0f3a"]


def test_a_job_that_is_created_again_with_its_old_name_is_another_job():
    """ADDED of the new Job may arrive before DELETED of the old Job, which must not remove the new one."""
    harness = StoreHarness(a_run(), old := a_job(uid="old", deleted=CREATED + 20))
    harness.put(a_job(uid="new", created=CREATED + 30))
    harness.delete(old)
    assert job_name(harness) == ["j"]
    assert len(samples(harness.text(), "job_active")) == 1


def test_the_owner_of_a_job_can_change():
    """The Job is removed from the first run and added to the second."""
    harness = StoreHarness(a_run(), other := a_run(uid="other", name="other"), a_job())
    assert job_name(harness) == ["j", ""]
    harness.put(a_job(owners=[owned_by(other)]))
    assert job_name(harness) == ["", "j"]


def test_a_retry_deletes_the_job_and_leaves_running_with_an_outdated_job_name():
    """Phase and jobName look healthy. Only the missing Job shows that the run is stuck."""
    status = {"phase": "Running", "jobName": "j"}
    harness = StoreHarness(a_run(status=status), job := a_job(labels={"context-version": "1"}))
    assert job_name(harness) == ["j"]
    harness.put(a_run(status=status, spec={"contextVersion": 2}))
    harness.put(a_job(deleted=CREATED + 100))
    harness.delete(job)
    harness.advance(CREATED + 86_400)
    assert job_name(harness) == [""]
    assert causes(harness) == [("job_missing", "status names Job j, which does not exist")]
    assert samples(harness.text(), "coderun_attempt") == ['coderun_attempt{namespace="n",coderun="r"} 2']
    harness.put(a_job(uid="job-2", name="j-v2", created=CREATED + 110, labels={"context-version": "2"}))
    assert job_name(harness) == ["j-v2"]
    assert causes(harness) == []


def test_binary_data_is_measured_after_decoding():
    """868 kB of base64 are 651,000 bytes, which is 62 % of the limit: neither empty nor near the limit."""
    item = a_configmap(binary={"code_claude_container.sh.hbs": "QUJD" * 217_000})
    harness = StoreHarness(item, needed=(required(keys=("code_claude_container.sh.hbs",)),))
    exposition = harness.text()
    place = 'namespace="agent-platform",configmap="controller-agent-templates-claude"'
    assert samples(exposition, "configmap_health") == [f"configmap_health{{{place}}} 1"]
    assert samples(exposition, "configmap_size_bytes") == [f"configmap_size_bytes{{{place}}} 651000"]
    assert samples(exposition, "configmap_problem") == []


def test_finished_jobs_can_be_deleted_at_once():
    """A finished run without a Job is normal: it has no empty job_name and no cause."""
    harness = StoreHarness(a_run(status={"phase": "Running", "jobName": "j"}), a_job())
    done = a_job(ended="Complete")
    harness.put(done)
    harness.delete(done)
    harness.put(a_run(status={"phase": "Succeeded", "jobName": "j", "lastUpdate": stamp(CREATED + 300)}))
    assert job_name(harness) == ["j"]
    assert causes(harness) == []
    assert samples(harness.text(), "job_active") == []


def test_a_run_whose_job_is_deleted_before_its_status_is_updated_has_no_job():
    """The `for` duration of the alert covers the time until the controller updates the status."""
    harness = StoreHarness(a_run(status={"phase": "Running"}), done := a_job(ended="Failed"))
    harness.delete(done)
    assert job_name(harness) == [""]
    assert causes(harness) == []
