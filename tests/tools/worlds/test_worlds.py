"""All worlds of the table: the alerts of the shipped rules, and the notifications."""

import asyncio

import pytest

from lab.worlds.delivery import delivered
from lab.worlds.differences import of_delivery, of_rules
from lab.worlds.history import history
from lab.worlds.outcomes import outcome_of
from lab.worlds.player import SNAPSHOT
from lab.worlds.stage import Stage
from lab.worlds.table import WORLDS, Alert, World
from tests.commands.in_process import call_in_thread
from tools.worlds.page import PAGE, text_of

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(600)]  # the first test plays all worlds

EACH = pytest.mark.parametrize("number", range(len(WORLDS)), ids=[world.name for world in WORLDS])
NEWEST = next(number for number, world in enumerate(WORLDS) if world.files == ("03", "20"))
"""The index of the healthy world of the newest version of the platform."""


@EACH
def test_the_rules_raise_exactly_the_alerts_of_the_table(played, number):
    """Their name, severity and object are equal. They fire until the end of the world without a gap."""
    assert list(of_rules(played[number])) == []


@EACH
@pytest.mark.needs("alertmanager")
def test_the_notifications_are_those_of_the_table(played, notifications, number):
    """A real Alertmanager sends them, with the shipped routes and inhibitions."""
    assert list(of_delivery(played[number], notifications[number])) == []


@pytest.mark.needs("alertmanager")
def test_a_stalled_run_with_another_cause_is_notified(tmp_path):
    """Its CLI is codex, whose templates are healthy. The unhealthy ConfigMap does not inhibit its alert."""
    outcome = outcome_of(World(files=("02", "10", "11", "91"), what="two causes at once"))
    [notifications] = delivered([outcome], folder=tmp_path)
    other = "cto-parallel-test-t4-implementation-other"
    critical = {one.raised.alert for one in notifications if one.raised.alert.severity == "critical"}
    assert critical == {
        Alert("RequiredConfigMapUnhealthy", "critical", "controller-agent-templates-claude"),
        Alert("CodeRunJobCreationStalled", "critical", other),
    }


def test_the_newest_platform_has_no_metrics_about_configmaps(played):
    """It does not use the template ConfigMaps, so their health, problems and causes are not exported."""
    lines = [line for line in played[NEWEST].played.page.splitlines() if not line.startswith("#")]
    names = ("configmap_health", "configmap_problem", 'cause="configmap')
    assert [line for line in lines if any(word in line for word in names)] == []
    assert any("configmap_watched" in line for line in lines)


async def test_check_finds_the_newest_platform_healthy():
    """The exit code is 0."""
    past = history(WORLDS[NEWEST].files, snapshot=SNAPSHOT)
    async with Stage(now=SNAPSHOT, settings={}) as stage:
        for step in past.steps:
            stage.take(step)
        code, out, _ = await call_in_thread("check", "--kubeconfig", str(stage.kubeconfig))
    assert code == 0, out


@pytest.mark.needs("alertmanager")
async def test_the_page_of_worlds_is_current(played, notifications):
    """`make worlds` would not change it."""
    assert await asyncio.to_thread(PAGE.read_text, "utf-8") == text_of(played, notifications)
