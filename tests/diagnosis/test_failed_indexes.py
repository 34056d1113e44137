"""An index of a Job that has failed for good fails the Job, although other indexes still run."""

import pytest

from tests.diagnosis.test_causes import OPEN, READ, a_killed_pod, a_pod, explain_objects, without_pod
from tests.objects import CREATED, a_job, stamp

INDEX = "batch.kubernetes.io/job-completion-index"


def a_job_with(failed, **more):
    """The Job, of which these indexes have failed."""
    job = without_pod(active=3, ready=3, failedIndexes=failed)
    return job | {"spec": {"backoffLimitPerIndex": 0, "completionMode": "Indexed", **more}}


def of_index(pod, index, name="p"):
    """The Pod of this index."""
    return pod | {"metadata": pod["metadata"] | {"annotations": {INDEX: index}, "name": name, "uid": f"pod-{name}"}}


def first(folder, *objects):
    """The exit code and the findings of the run."""
    code, (run,) = explain_objects(folder, [OPEN, *objects, READ], "")
    return code, run["findings"]


WORKS = a_pod("Running", containerStatuses=[{"name": "agent", "state": {"running": {"startedAt": stamp(CREATED)}}}])


def test_the_pod_of_the_index_has_the_cause(tmp_path):
    """The others work."""
    objects = (of_index(a_killed_pod(139), "2"), of_index(WORKS, "0", "q"))
    code, (one, *_) = first(tmp_path, a_job_with("2"), *objects)
    assert (code, one["cause"], one["fault"]) == (1, "container_failed", True)
    words = (
        "index 2 has failed for good, so the Job will fail after the others: container agent ended with exit code 139"
    )
    assert one["evidence"].startswith(words)
    assert " logs p -c agent" in one["next"]


@pytest.mark.parametrize(
    ("failed", "index", "is_named"),
    [("1,3-5", "4", True), ("1,3-5", "2", False), ("1,3-5", "1", True), ("1,3-5", "", False), ("1", "x", False)],
)
def test_only_the_pods_of_failed_indexes(tmp_path, failed, index, is_named):
    """Another index may have a retry left. Without their Pods, the Job has the finding."""
    _, (one, *_) = first(tmp_path, a_job_with(failed), of_index(a_killed_pod(139), index), of_index(WORKS, "0", "q"))
    text = f"Job j will fail after the other indexes: {failed} failed for good"
    assert one["evidence"].startswith(f"index {index} has failed") if is_named else one["evidence"] == text
    assert one["cause"] == ("container_failed" if is_named else "job_failed")


@pytest.mark.parametrize(
    "job",
    [
        a_job_with("2", successPolicy={"rules": [{"succeededCount": 1}]}),
        a_job_with(""),
        a_job_with("{{ .x }}"),
        a_job(),
    ],
    ids=["success policy", "none", "hostile", "not indexed"],
)
def test_a_job_that_may_succeed(tmp_path, job):
    """A failed Pod of an index that is tried again says nothing."""
    assert first(tmp_path, job, of_index(a_killed_pod(139), "2"), of_index(WORKS, "0", "q")) == (0, [])


def test_many_indexes(tmp_path):
    """The list is shortened, to whole intervals."""
    _, (one, *_) = first(tmp_path, a_job_with(",".join(map(str, range(1, 400, 2)))), of_index(WORKS, "0", "q"))
    assert one["evidence"].endswith(",125 failed for good")
