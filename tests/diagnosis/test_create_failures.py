"""Which of several Events says why the pod of a Job cannot be created."""

import pytest

from tests.diagnosis.test_causes import NOW, OPEN, an_event, explain_objects, without_pod
from tests.objects import stamp

QUOTA = 'Error creating: pods "j-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'
URL = "https://127.0.0.1:6443/api/v1/namespaces/n/pods"
LOST = f'Error creating: Post "{URL}": http2: client connection lost'
FAILED = 'failed calling webhook "w": failed to call webhook: Post "https://w": EOF'
WEBHOOK = f"Error creating: Internal error occurred: {FAILED}"


def told(folder, *events):
    """The first cause, for Events of the Job with these reasons, notes and ages in seconds."""
    made = [
        an_event(kind="Job", uid="job-j", reason=reason, note=note)
        | {"lastTimestamp": stamp(NOW - age), "metadata": {"name": f"e{age}", "namespace": "n", "uid": f"e{age}"}}
        for reason, note, age in events
    ]
    _, (run,) = explain_objects(folder, [OPEN, without_pod(), *made], "")
    return run["findings"][0]["cause"]


@pytest.mark.parametrize("prefix", ["", "(combined from similar events): "])
def test_a_lost_connection_does_not_hide_the_answer_of_the_api_server(tmp_path, prefix):
    """kube-controller-manager lost its connection after the refusal; its next attempt is refused again."""
    assert told(tmp_path, ("FailedCreate", QUOTA, 60), ("FailedCreate", prefix + LOST, 10)) == "quota"


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([("FailedCreate", LOST, 10)], "pod_creation_failed"),
        ([("FailedCreate", QUOTA, 60), ("FailedCreate", WEBHOOK, 10)], "admission_denied"),
        (
            [("FailedCreate", QUOTA, 60), ("SuccessfulCreate", "Created pod: j-x", 30), ("FailedCreate", LOST, 10)],
            "pod_creation_failed",
        ),
    ],
    ids=["only it", "the API server lost its own", "the refusal is over"],
)
def test_the_newest_one_counts(tmp_path, events, cause):
    """If no answer is known that still holds, or if it is an answer."""
    assert told(tmp_path, *events) == cause
