"""What a person reads in a chat window: a real Alertmanager, the shipped route and template, a chat on loopback."""

import contextlib
import pathlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from lab.monitoring.servers import Alertmanager
from lab.monitoring.webhook import Webhook

pytestmark = pytest.mark.needs("alertmanager")

RUNBOOK = "https://runbooks.example/coderun-exporter/CodeRunNotReconciled"
TEXT = f"""\
• CodeRun agent-platform/play-1 has no status 4m 0s after its creation: configmap_missing (claude)
• CodeRun agent-platform/play-2 has no status 4m 0s after its creation: &lt;!channel&gt; 'not' *yet* reconciled
Next (the controller's logs are in its own namespace), for the first:
```
kubectl -n agent-platform describe coderun play-1
kubectl -n agent-platform get deployments,configmaps
```
Runbook: {RUNBOOK}"""


class Chat(NamedTuple):
    """Alertmanager, and the window that it writes to."""

    alertmanager: Alertmanager
    window: Webhook


@pytest.fixture
def chat(tmp_path: pathlib.Path) -> Iterator[Chat]:
    """Both, for one test."""
    with contextlib.ExitStack() as stack:
        window = stack.enter_context(Webhook())
        alertmanager = stack.enter_context(Alertmanager(tmp_path / "alertmanager", receiver=window.url))
        yield Chat(alertmanager, window)


def unreconciled(coderun: str, *, cause: str, **more: str):
    """An alert as the rule writes it."""
    return {
        "labels": {
            "alertname": "CodeRunNotReconciled",
            "cluster": "prod",
            "component": "coderun-exporter",
            "coderun": coderun,
            "namespace": "agent-platform",
            "severity": "warning",
        },
        "annotations": {
            "summary": f"CodeRun agent-platform/{coderun} has no status 4m 0s after its creation: {cause}",
            "description": "The controller has not touched this run.\n"
            "Next (the controller's logs are in its own namespace):\n"
            f"kubectl -n agent-platform describe coderun {coderun}\n"
            "kubectl -n agent-platform get deployments,configmaps",
            "runbook_url": RUNBOOK,
        },
        **more,
    }


def test_a_chat_reads_what_is_wrong_what_to_run_and_where_to_read_on(chat: Chat):
    """The whole message; that it is over comes in green, with the names only."""
    chat.alertmanager.tell(
        unreconciled("play-1", cause="configmap_missing (claude)"),
        unreconciled("play-2", cause="<!channel> `not` *yet*\nreconciled"),
    )
    told = chat.window.message("WARNING: 2 x CodeRunNotReconciled in agent-platform, cluster prod", seconds=8)
    assert (told.receiver, told.channel, told.color, told.fallback) == ("chat", "#agents", "warning", told.title)
    assert told.text == TEXT

    now = datetime.now(UTC).isoformat()
    chat.alertmanager.tell(*(unreconciled(name, cause="", endsAt=now) for name in ("play-1", "play-2")))
    over = chat.window.message("RESOLVED: CodeRunNotReconciled in agent-platform, cluster prod", seconds=8)
    assert (over.color, over.text) == ("good", f"Resolved: play-1, play-2\nRunbook: {RUNBOOK}")
