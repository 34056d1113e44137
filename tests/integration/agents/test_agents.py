"""Incident 2 with agent CLIs themselves: they say their last word, and their container does not end.

Their logs are written as a container runtime does and served by kwok; the exporter runs with the permissions that it
asks for. `tools/agents` pins their versions.
"""

import logging
import time
from collections.abc import Iterator

import pytest

from lab.components import AGENTS
from lab.controlplane.plane import ControlPlane
from lab.waiting import until
from tests.integration.agents.clis import CLAUDE, CLIS, CODEX, CODEX_READS, CODEX_TEXT, MESSAGE, Cli
from tests.integration.agents.model_api import CACHED, INPUT, OUTPUT
from tests.integration.agents.scene import LIMIT_SECONDS, Scene, a_scene

pytestmark = [pytest.mark.needs("prometheus", "alertmanager", *AGENTS), pytest.mark.timeout(180)]

_log = logging.getLogger(__name__)

_FINISHED = (CLAUDE, CODEX, CODEX_TEXT)
each_cli = pytest.mark.parametrize("cli", CLIS, ids=lambda cli: cli.name)


@pytest.fixture(scope="module")
def scene(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The tests of this file share it."""
    with a_scene(control_plane, tmp_path_factory.mktemp("agents")) as made:
        yield made


@pytest.mark.parametrize("cli", _FINISHED, ids=lambda cli: cli.name)
def test_the_metrics_have_the_last_word(scene: Scene, cli: Cli) -> None:
    """Its time is that of the line. The amounts are those of the model and of the CLI."""
    agent = scene.agents[cli.name]
    last = agent.until_said(1)
    result = until(
        lambda: scene.sample(agent, "agent_result_timestamp_seconds", outcome="success"), what="the log is read"
    )
    assert result == pytest.approx(last.at, abs=1e-3)
    has_tokens = cli is not CODEX_TEXT
    assert scene.sample(agent, "agent_tokens", type="input") == (INPUT if has_tokens else None)
    assert scene.sample(agent, "agent_tokens", type="cached_input") == (CACHED if has_tokens else None)
    assert scene.sample(agent, "agent_tokens", type="output") == (OUTPUT if has_tokens else None)
    assert scene.sample(agent, "agent_turns") == 1
    assert scene.sample(agent, "agent_sessions") == 1
    assert scene.sample(agent, "agent_result_limit_seconds") == LIMIT_SECONDS
    assert scene.sample(agent, "agent_cost_dollars") == (last.json["total_cost_usd"] if cli is CLAUDE else None)


def test_an_agent_that_has_not_begun_has_no_last_word(scene: Scene) -> None:
    """Codex waits for the end of its input."""
    agent = scene.agents[CODEX_READS.name]
    read = until(lambda: scene.sample(agent, "agent_last_log_timestamp_seconds"), what="the log is read")
    assert read == pytest.approx(agent.until_said(1).at, abs=1e-3)
    assert scene.sample(agent, "agent_result_timestamp_seconds") is None


@each_cli
def test_the_cause_is_named(scene: Scene, cli: Cli) -> None:
    """In a metric, by `explain` and in the alert, which is delivered to the receiver of its severity."""
    agent = scene.agents[cli.name]
    told = scene.monitoring.webhook.next(cli.alert, job_name=agent.job, namespace=scene.work.namespace)
    seconds = time.time() - time.monotonic() + told.at - agent.until_said(1).at
    _log.info("%s %s %.1f s after its last word: %s", cli.name, cli.alert, seconds, told.annotations["summary"])
    cause = scene.cause(agent)
    assert cause["cause"] == cli.cause
    if cli in _FINISHED:
        assert cause["evidence"] == "the agent wrote its last word (success)"
    assert scene.sample(agent, "job_hang_cause", cause=cli.cause, detail=cause["evidence"]) == 1
    assert f"{scene.work.namespace}/{agent.job} in cluster" in told.annotations["summary"]
    assert f": {cli.cause} ({cause['evidence']})" in told.annotations["summary"]
    assert cause["evidence"] in scene.explain(agent)
    assert told.receiver == ("pager" if cli in _FINISHED else "chat")


def test_no_other_alert_is_delivered_about_these_jobs(scene: Scene) -> None:
    """Each agent has the alert of its cause."""
    labels = [one.labels for one in scene.monitoring.webhook.all()]
    heard = {(one["job_name"], one["alertname"]) for one in labels if "job_name" in one}
    assert heard == {(agent.job, agent.cli.alert) for agent in scene.agents.values()}


def test_another_message_withdraws_the_last_word(scene: Scene) -> None:
    """Claude Code had only waited for its input: it continues, and says another last word."""
    agent = scene.agents[CLAUDE.name]
    agent.container.send(MESSAGE)
    last = agent.until_said(2)
    until(
        lambda: (scene.sample(agent, "agent_result_timestamp_seconds") or 0) > last.at - 1e-3,
        what="the log is read again",
    )
    _log.info("read again %.1f s after the second last word", time.time() - last.at)
    assert scene.sample(agent, "agent_sessions") == 2
    assert scene.sample(agent, "agent_cost_dollars") == last.json["total_cost_usd"]


def test_the_end_of_the_input_ends_the_process_and_the_alert(scene: Scene) -> None:
    """The Job is then complete."""
    agent, begun = scene.agents[CLAUDE.name], time.monotonic()
    agent.container.close_input()
    assert agent.container.wait(seconds=10) == 0
    _log.info("ended %.2f s after its input", time.monotonic() - begun)
    scene.work.finish_job(agent.job)
    scene.monitoring.webhook.next(CLAUDE.alert, status="resolved", after=begun, job_name=agent.job)
