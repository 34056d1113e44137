"""The message in a chat: a real Alertmanager with the shipped route and template, and a receiver on loopback."""

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
    """Alertmanager and a webhook receiver in place of the chat."""

    alertmanager: Alertmanager
    webhook: Webhook


@pytest.fixture
def chat(tmp_path: pathlib.Path) -> Iterator[Chat]:
    """Alertmanager and its receiver."""
    with contextlib.ExitStack() as stack:
        webhook = stack.enter_context(Webhook())
        alertmanager = stack.enter_context(Alertmanager(tmp_path / "alertmanager", receiver=webhook.url))
        yield Chat(alertmanager, webhook)


def unreconciled(coderun: str, *, cause: str, **more: str):
    """An alert with the texts of the rule."""
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


def test_a_message_has_the_summary_the_commands_and_the_runbook(chat: Chat):
    """The text is compared completely. The message about resolved alerts is green and only has the names."""
    chat.alertmanager.tell(
        unreconciled("play-1", cause="configmap_missing (claude)"),
        unreconciled("play-2", cause="<!channel> `not` *yet*\nreconciled"),
    )
    message = chat.webhook.message("WARNING: 2 x CodeRunNotReconciled in agent-platform, cluster prod", seconds=8)
    assert (message.receiver, message.channel, message.color, message.fallback) == (
        "chat",
        "#agents",
        "warning",
        message.title,
    )
    assert message.text == TEXT

    now = datetime.now(UTC).isoformat()
    chat.alertmanager.tell(*(unreconciled(name, cause="", endsAt=now) for name in ("play-1", "play-2")))
    resolved = chat.webhook.message("RESOLVED: CodeRunNotReconciled in agent-platform, cluster prod", seconds=8)
    assert (resolved.color, resolved.text) == ("good", f"Resolved: play-1, play-2\nRunbook: {RUNBOOK}")
