"""Every row of the table of worlds: what the shipped rules raise, and what a person gets."""

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

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(600)]  # the first one plays all worlds

EACH = pytest.mark.parametrize("number", range(len(WORLDS)), ids=[world.name for world in WORLDS])
NEWEST = next(number for number, world in enumerate(WORLDS) if world.files == ("03", "20"))


@EACH
def test_the_rules_raise_what_the_table_says_and_nothing_else(played, number):
    """By name, severity and object, until the end of the world, without a gap."""
    assert list(of_rules(played[number])) == []


@EACH
@pytest.mark.needs("alertmanager")
def test_a_person_gets_what_the_table_says(played, arrived, number):
    """Through the shipped routes and inhibitions of a running Alertmanager; each named text is in a notification."""
    assert list(of_delivery(played[number], arrived[number])) == []


@pytest.mark.needs("alertmanager")
def test_a_stall_that_the_configmap_does_not_explain_is_delivered_beside_it(tmp_path):
    """A run of codex, whose templates are healthy, gets no Job either."""
    outcome = outcome_of(World(files=("02", "10", "11", "91"), what="two causes at once"))
    [arrived] = delivered([outcome], folder=tmp_path)
    other = "cto-parallel-test-t4-implementation-other"
    named = {one.raised.alert for one in arrived if one.raised.alert.severity == "critical"}
    assert named == {
        Alert("RequiredConfigMapUnhealthy", "critical", "controller-agent-templates-claude"),
        Alert("CodeRunJobCreationStalled", "critical", other),
    }


def test_the_newest_platform_shows_no_configmap(played):
    """Neither health nor a problem nor a cause: nothing there uses the template ConfigMaps."""
    lines = [line for line in played[NEWEST].played.page.splitlines() if not line.startswith("#")]
    words = ("configmap_health", "configmap_problem", 'cause="configmap')
    assert [line for line in lines if any(word in line for word in words)] == []
    assert any("configmap_watched" in line for line in lines)


async def test_check_finds_the_newest_platform_healthy():
    """Exit code 0."""
    past = history(WORLDS[NEWEST].files, snapshot=SNAPSHOT)
    async with Stage(now=SNAPSHOT, settings={}) as stage:
        for step in past.steps:
            stage.take(step)
        code, out, _ = await call_in_thread("check", "--kubeconfig", str(stage.kubeconfig))
    assert code == 0, out


@pytest.mark.needs("alertmanager")
async def test_the_page_of_worlds_is_what_was_played(played, arrived):
    """`make worlds` would change nothing."""
    assert await asyncio.to_thread(PAGE.read_text, "utf-8") == text_of(played, arrived)
