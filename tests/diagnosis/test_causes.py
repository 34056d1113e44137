"""Each cause of `CAUSES`: objects in a dump, and the finding that `explain` shows for them."""

import json

import pytest

from exporter.config_file import load
from exporter.diagnosis import CAUSES, failure_causes, hang_causes, stall_causes
from exporter.explaining.dump import read_dump
from tests.commands.in_process import call
from tests.diagnosis.test_dumps import EXPECTED
from tests.objects import CREATED, a_configmap, a_job, a_run, stamp

NOW = CREATED + 7200
RUNNING = {"phase": "Running", "lastUpdate": stamp(CREATED)}
WORKS = {"phase": "Running", "lastUpdate": stamp(CREATED + 7000)}
NAMES = ("claude", "codex", "cursor", "factory", "integration", "shared")
REQUIRED = "configmaps: {namespace: agent-platform, required: [{name: t, keys: [a.hbs, b.hbs]}]}\n"
OPEN = a_run(status=WORKS)
FAILED = a_job(ended="Failed", reason="BackoffLimitExceeded")
FINALIZER_METADATA = {"finalizers": ["coderuns.orchestrator.io/finalizer"]}


def with_finalizer(run=None):
    """The run with a finalizer."""
    run = run or a_run()
    return run | {"metadata": run["metadata"] | FINALIZER_METADATA}


def failed(message):
    """A run that failed with this message."""
    return a_run(status={"phase": "Failed", "message": message})


def without_pod(**status):
    """A Job whose status has no active Pod."""
    job = a_job()
    return job | {"status": {"startTime": stamp(CREATED + 10)} | status}


def a_pod(phase="Pending", *, deleted=None, gates=None, **status):
    """The Pod of the Job `j`, with the scheduling gates `gates`."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "job-j", "controller": True}
    meta = {"name": "p", "namespace": "n", "uid": "pod-p", "ownerReferences": [owner], "labels": {"job-name": "j"}}
    meta |= {"creationTimestamp": stamp(CREATED + 11)} | ({"deletionTimestamp": stamp(deleted)} if deleted else {})
    spec = {"containers": [{"name": "agent"}]} | ({"schedulingGates": [{"name": g} for g in gates]} if gates else {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": phase, **status}}


def waits_for(scheduler):
    """The Pod, which this scheduler has not processed."""
    pod = a_pod()
    return pod | {"spec": pod["spec"] | {"schedulerName": scheduler}}


def a_killed_pod(code=137, reason="Error", at=CREATED + 60, phase="Failed", *others):
    """The Pod, whose main container ended with this exit code."""
    end = {"exitCode": code, "reason": reason, "finishedAt": stamp(at)}
    return a_pod(phase, containerStatuses=[{"name": "agent", "state": {"terminated": end}}, *others])


def an_event(kind="Pod", uid="pod-p", reason="Other", note="nothing of interest"):
    """A warning Event. With any Event in the dump, Events count as read."""
    about = {"kind": kind, "namespace": "n", "name": "x", "uid": uid}
    meta = {"name": "e", "namespace": "n", "uid": "e"}
    times = {"firstTimestamp": stamp(CREATED + 20), "lastTimestamp": stamp(CREATED + 30)}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": meta, "type": "Warning", "reason": reason}
    return event | {"message": note, "involvedObject": about} | times


READ = an_event(uid="unrelated")
"""An Event about another object. With any Event in the dump, Events count as read."""
PROBE = an_event(reason="Unhealthy", note="Liveness probe failed: timed out after 1s")
CONFIGMAP = a_configmap(name="t", data={"a.hbs": "x", "b.hbs": "y"})
HUGE = a_configmap(name="t", data={"a.hbs": "x" * 900_000, "b.hbs": "y"})
POISON = a_run(name="poison", uid="p", spec={"cliConfig": {"cliType": ""}})
INACTIVE = {
    "apiVersion": "kueue.x-k8s.io/v1beta1",
    "kind": "Workload",
    "metadata": {
        "name": "w",
        "namespace": "n",
        "uid": "w",
        "ownerReferences": [{"kind": "Job", "name": "j", "uid": "job-j", "controller": True}],
    },
    "spec": {"active": False},
}
"""A Workload that Kueue has deactivated."""

WITHOUT_QUEUE = {key: value for key, value in INACTIVE.items() if key != "spec"} | {
    "status": {
        "conditions": [
            {
                "type": "QuotaReserved",
                "status": "False",
                "reason": "Inadmissible",
                "message": "LocalQueue agents doesn't exist",
                "lastTransitionTime": stamp(CREATED),
            }
        ]
    }
}
"""A Workload whose queue does not exist."""
QUEUE = {"kueue.x-k8s.io/queue-name": "agents"}
KUEUE = a_pod(
    "Running", containerStatuses=[{"name": "agent", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
) | {"metadata": {"name": "kueue-controller-manager-1", "namespace": "kueue-system", "uid": "kueue"}}
"""The failing controller of Kueue."""
NO_CLAIM = 'PodResourceClaim gpu: resourceclaimtemplate.resource.k8s.io "gpu" not found'

CASES = [
    ("finalizer_stuck", [with_finalizer(a_run(status=RUNNING, deleted=CREATED + 60))], ""),
    ("controller_blocked", [POISON, a_run(created=CREATED + 9), READ], ""),
    ("configmap_missing", [with_finalizer(), a_configmap(name="kube-root-ca.crt")], REQUIRED),
    ("configmap_empty", [with_finalizer(), a_configmap(name="t")], REQUIRED),
    ("configmap_missing_key", [with_finalizer(), a_configmap(name="t", data={"a.hbs": "x"})], REQUIRED),
    ("configmap_empty_key", [with_finalizer(), a_configmap(name="t", data={"a.hbs": "", "b.hbs": "x"})], REQUIRED),
    ("configmap_near_limit", [with_finalizer(), HUGE, READ], REQUIRED),
    ("template_failed", [failed("Template rendering failed: partial not found")], ""),
    ("job_controller_absent", [OPEN, a_job() | {"status": {}}, READ], ""),
    ("job_manager_absent", [OPEN, a_job(spec={"managedBy": "example.com/queue"}) | {"status": {}}, READ], ""),
    ("scheduler_absent", [OPEN, without_pod(active=1), waits_for("volcano"), READ], ""),
    ("finished_not_exited", [a_run(status=WORKS | {"workCompleted": True}), a_job()], ""),
    ("run_already_finished", [a_run(status={"phase": "Succeeded"}), a_job()], ""),
    ("run_gone", [a_run(name="other", uid="other", status={"phase": "Succeeded"}), a_job()], ""),
    ("superseded", [OPEN, a_job(name="i", uid="i", created=CREATED + 5), a_job()], ""),
    ("no_pull_request", [failed("Job completed, but no pull request was created")], ""),
    ("retries_exhausted", [failed("Max retries (3) reached")], ""),
    ("retry_loop", [a_run(status=WORKS, spec={"contextVersion": 38}), a_job()], ""),
    ("job_failed", [a_run(status={"phase": "Failed"}), FAILED], ""),
    ("run_not_updated", [a_run(status=RUNNING), a_job(ended="Complete")], ""),
    ("cannot_tell", [OPEN, a_job() | {"status": {"active": 1, "ready": 0, "startTime": stamp(CREATED)}}], ""),
    ("controller_idle", [a_run(), a_run(name="s", uid="s"), READ], ""),
    ("not_reconciled", [a_run(), READ], ""),
    ("reconcile_failing", [with_finalizer(), READ], ""),
    ("job_deleting", [OPEN, a_job(deleted=CREATED + 60)], ""),
    ("job_missing", [a_run(status=WORKS | {"jobName": "gone"}), READ], ""),
    ("no_worker", [a_run(status=WORKS), READ], ""),
    ("probe_failed", [OPEN, a_job(active=0), a_killed_pod(), PROBE], ""),
    (
        "hook_failed",
        [OPEN, a_job(active=0), a_killed_pod(), an_event(reason="FailedPostStartHook", note="exited with 1")],
        "",
    ),
    (
        "pod_object_missing",
        [OPEN, a_job(), a_pod(), an_event(reason="FailedResourceClaimCreation", note=NO_CLAIM)],
        "",
    ),
    ("container_lost", [OPEN, a_job(active=0), a_killed_pod(reason="ContainerStatusUnknown"), READ], ""),
    (
        "node_rejected",
        [
            OPEN,
            a_job(active=0),
            a_pod("Failed", reason="UnexpectedAdmissionError", message="Allocate failed: no devices"),
        ],
        "",
    ),
    ("pods_terminating", [OPEN, without_pod(terminating=1), a_pod("Running", deleted=CREATED + 99)], ""),
    ("no_pod", [OPEN, without_pod(), READ, a_pod() | {"metadata": {"name": "other", "uid": "o"}}], ""),
    ("pod_not_starting", [OPEN, a_job(), a_pod(), READ], ""),
    ("max_runtime_exceeded", [OPEN, a_job(started=CREATED - 90_000), a_pod("Running")], ""),
    ("other", [failed("the moon is full")], ""),
    ("between_attempts", [a_run(status=WORKS | {"jobName": "j-v1"}, spec={"contextVersion": 2}), READ], ""),
    ("suspended", [OPEN, a_job(spec={"suspend": True}, active=0)], ""),
    ("workload_inadmissible", [OPEN, a_job(spec={"suspend": True}, active=0), WITHOUT_QUEUE], ""),
    ("queue_absent", [OPEN, a_job(spec={"suspend": True}, active=0, labels=QUEUE), KUEUE], ""),
    ("workload_deactivated", [OPEN, a_job(spec={"suspend": True}, active=0), INACTIVE], ""),
]


def write_dump(folder, objects, config):
    """Writes a dump of these objects and the settings. Returns their paths."""
    dump, settings = folder / "dump.json", folder / "settings.yml"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    settings.write_text(config)
    return dump, settings


def explain_objects(folder, objects, config):
    """Runs `explain` on a dump of these objects. Returns the exit code and the runs."""
    dump, settings = write_dump(folder, objects, config)
    words = (
        "explain",
        "-f",
        dump,
        "--config.file",
        settings,
        "--all",
        "-o",
        "json",
        "--at",
        stamp(NOW),
    )
    code, out, err = call(*words)
    assert err == ""
    return code, json.loads(out)["items"]


@pytest.mark.parametrize(("cause", "objects", "config"), CASES, ids=[case[0] for case in CASES])
def test_the_cause_is_found_with_its_meaning(tmp_path, cause, objects, config):
    """It is the first finding, except for causes that only accompany another."""
    code, runs = explain_objects(tmp_path, objects, config)
    every = [finding for run in runs for finding in run["findings"]]
    found = next(finding for finding in every if finding["cause"] == cause)
    info = CAUSES[cause]
    if cause != "cannot_tell":  # tests/explaining/test_dump_findings.py
        assert (found["meaning"], found["act"]) == (info.meaning, info.act)
    assert found["fault"] == info.fault
    assert found["next"].startswith("kubectl ")
    assert "$" not in found["next"]
    if cause not in {"superseded", "configmap_near_limit", "job_deleting"}:
        assert any(run["findings"][:1] == [found] for run in runs)
    assert code == (0 if not info.fault and len(every) == 1 else 2 if cause == "cannot_tell" else 1)


@pytest.mark.parametrize(("cause", "objects", "config"), CASES, ids=[case[0] for case in CASES])
def test_the_metrics_have_the_cause_if_the_table_says_so(tmp_path, cause, objects, config):
    """So that the alert names the cause that `explain` names. A pod that just starts has none: every pod does."""
    dump, settings = write_dump(tmp_path, objects, config)
    cache = read_dump([str(dump)], load(str(settings))).cache(NOW)
    found = [one for run in cache.runs for one in (*stall_causes(run, cache), *failure_causes(run, cache))]
    found += [one for job in cache.jobs for one in hang_causes(job, cache)]
    assert (cause in {one.cause for one in found}) == (CAUSES[cause].metric and cause != "pod_not_starting")


def test_a_pod_with_a_scheduling_gate_is_suspended(tmp_path):
    """This is no fault: a user or a queue has suspended it."""
    code, (run,) = explain_objects(tmp_path, [OPEN, a_job(), a_pod(gates=["kueue"]), READ], "")
    assert (code, [one["cause"] for one in run["findings"]]) == (0, ["suspended"])


def test_a_failed_pod_is_no_cause_if_there_is_a_newer_pod(tmp_path):
    """The Job is still running."""
    old = a_pod("Failed", containerStatuses=[{"name": "agent", "state": {"terminated": {"exitCode": 1}}}])
    new = a_pod("Running")
    new = new | {"metadata": new["metadata"] | {"name": "q", "uid": "pod-q"}}
    code, (run,) = explain_objects(tmp_path, [OPEN, a_job(), old, new, READ], "")
    assert (code, run["findings"]) == (0, [])


@pytest.mark.parametrize("job", [a_job(active=0), FAILED], ids=["unfinished", "failed"])
def test_of_several_failed_pods_the_newest_has_the_cause(tmp_path, job):
    """An eviction hours ago explains nothing once a later pod ran out of memory."""
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": stamp(NOW - 60)}}
    old = a_pod("Failed", reason="Evicted", message="The node was low on resource: memory")
    new = a_pod("Failed", containerStatuses=[{"name": "agent", "state": killed}])
    later = {"name": "q", "uid": "pod-q", "creationTimestamp": stamp(NOW - 600)}
    _, (run,) = explain_objects(tmp_path, [OPEN, job, new | {"metadata": new["metadata"] | later}, old, READ], "")
    causes = [finding["cause"] for finding in run["findings"]]
    assert causes[0] == "oom_killed"
    assert "evicted" not in causes


def test_an_init_container_out_of_memory_may_have_the_exit_code_0(tmp_path):
    """The kernel killed a child process: the kubelet reports OOMKilled, and the Pod does not start."""
    killed = {"name": "clone", "state": {"terminated": {"exitCode": 0, "reason": "OOMKilled"}}}
    pod = a_pod(initContainerStatuses=[killed])
    pod["spec"]["initContainers"] = [{"name": "clone"}]
    _, (run,) = explain_objects(tmp_path, [OPEN, a_job(), pod, READ], "")
    assert run["findings"][0]["cause"] == "oom_killed"


def test_a_lost_node_that_keeps_the_pod_of_a_deleted_job_comes_first(tmp_path):
    """The garbage collector removes its finalizer once the pods of the Job are gone."""
    job = a_job(deleted=CREATED + 60)
    job["metadata"] |= {"finalizers": ["foregroundDeletion"]}
    lost = an_event(reason="NodeNotReady", note="Node is not ready")
    pod = a_pod("Running", deleted=CREATED + 90, conditions=[{"type": "Ready", "status": "False"}])
    _, (run,) = explain_objects(tmp_path, [OPEN, job, pod, lost], "")
    assert run["findings"][0]["cause"] == "node_lost"


def test_every_cause_has_a_test():
    """The test is in this file, in a dump of a public report, or in test_findings.py."""
    elsewhere = {"configmap_shrunk", "not_ready", "waiting", "recovered"}  # test_findings.py, test_recovered.py
    of_logs = {  # test_agent_log.py: a dump has no logs
        *(
            "usage_limit",
            "auth",
            "overloaded",
            "max_turns",
            "loop_stop",
            "waiting_for_input",
            "never_spoke",
            "silent",
        ),
    }
    covered = {case[0] for case in CASES} | {row["cause"] for row in EXPECTED} | elsewhere | of_logs
    assert sorted(CAUSES.keys() - covered) == []
