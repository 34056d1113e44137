"""The simulated platform does to a cluster what the real one did, over HTTP and by the objects alone."""

import aiohttp
import pytest

from lab.apiserver import StandInApiServer
from lab.clock import seconds_of
from lab.platform.controller import CONFIGMAPS, JOBS, RUNS, Platform
from lab.platform.jobs import job
from lab.platform.manifests import TEMPLATES, Order, coderun, configmap_name, templates
from lab.platform.workers import Workers
from lab.platform.writer import Writer, WriterError

NOON = seconds_of("2026-03-04T12:00:00Z")
REX = Order(task=2, agent="Rex", work=300)
FINALIZERS = ["coderuns.orchestrator.io/finalizer"]


class World:
    """A stand-in API server with the platform installed, and a clock that the test turns."""

    def __init__(self, writer):
        self.now = NOON
        self.writer = writer
        self.platform = Platform(writer=writer, clock=lambda: self.now)
        self.workers = Workers(writer=writer, clock=lambda: self.now)

    async def round(self, *, after=0.0):
        """One round of the controller and of the Jobs, some seconds later."""
        self.now += after
        await self.platform.reconcile()
        await self.workers.advance()

    async def run(self, order):
        """The CodeRun of that order."""
        return await self.writer.read(f"{RUNS}/{order.name}")

    async def jobs(self):
        """The Jobs by name."""
        return {item["metadata"]["name"]: item for item in await self.writer.items(JOBS)}

    async def job(self):
        """The one Job that there is."""
        (item,) = (await self.jobs()).values()
        return item


@pytest.fixture
async def world():
    """The platform on a fresh API server."""
    server = StandInApiServer(clock=lambda: NOON)
    url = await server.start()
    try:
        async with Writer(base_url=url) as writer:
            world = World(writer)
            await world.platform.install()
            yield world
    finally:
        await server.stop()


async def test_the_six_configmaps_are_installed_whole_and_once(world):
    """They hold data and binaryData under the platform's key names; a second installation changes nothing."""
    before = await world.writer.items(CONFIGMAPS)
    await world.platform.install()
    assert await world.writer.items(CONFIGMAPS) == before
    assert {item["metadata"]["name"] for item in before} == {configmap_name(kind) for kind in TEMPLATES}
    claude = await world.writer.read(f"{CONFIGMAPS}/controller-agent-templates-claude")
    assert set(claude["data"]) == {"code_claude_memory.md.hbs", "code_claude_settings.json.hbs"}
    assert set(claude["binaryData"]) == {"code_claude_container.sh.hbs"}
    assert all(item["data"] for item in before)


async def test_a_run_becomes_a_job_and_ends_with_it(world):
    """Finalizer, Job, status Running with jobName; after the work Complete, and then the run has Succeeded."""
    await world.platform.order([REX])
    assert "status" not in await world.run(REX)
    await world.round()
    run, job = await world.run(REX), await world.job()
    assert run["metadata"]["finalizers"] == FINALIZERS
    assert run["status"]["jobName"] == job["metadata"]["name"]
    assert (run["status"]["phase"], run["status"]["workCompleted"]) == ("Running", False)
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (run["metadata"]["uid"], True)
    assert (job["status"]["startTime"], job["status"]["active"], job["status"]["ready"]) == (
        "2026-03-04T12:00:00Z",
        1,
        0,
    )
    await world.round(after=299)
    assert ((await world.job())["status"]["active"], (await world.job())["status"]["ready"]) == (1, 1)
    await world.round(after=1)
    done = (await world.job())["status"]
    assert (done["completionTime"], done["succeeded"], "active" in done) == ("2026-03-04T12:05:00Z", 1, False)
    assert (await world.run(REX))["status"]["workCompleted"] is False
    await world.round()
    status = (await world.run(REX))["status"]
    assert (status["phase"], status["workCompleted"], status["finishedAt"]) == (
        "Succeeded",
        True,
        done["completionTime"],
    )


async def test_the_job_of_a_run_that_has_succeeded_is_deleted_after_a_minute(world):
    """At expireAt and not before; cleanupCompletedAt has the time."""
    await world.platform.order([REX])
    for after in (0, 300, 0, 59):
        await world.round(after=after)
    assert "cleanupCompletedAt" not in (await world.run(REX))["status"]
    assert await world.jobs()
    await world.round(after=1)
    assert not await world.jobs()
    status = (await world.run(REX))["status"]
    assert (status["expireAt"], status["cleanupCompletedAt"]) == ("2026-03-04T12:06:00Z", "2026-03-04T12:06:00Z")


@pytest.mark.parametrize("gone", [False, True], ids=["empty", "missing"])
async def test_without_templates_a_run_stays_without_job_and_without_status(world, gone):
    """The incident: a finalizer and nothing else, for as long as it lasts; then the next try makes the Job."""
    await world.platform.lose_templates("claude")
    if gone:
        await world.writer.delete(f"{CONFIGMAPS}/controller-agent-templates-claude")
    stalled = Order(task=1, agent="Rex")
    await world.platform.order([stalled, Order(task=2, agent="Rex", cli="codex")])
    for _ in range(3):
        await world.round(after=20)
    run = await world.run(stalled)
    assert (run["metadata"]["finalizers"], "status" in run) == (FINALIZERS, False)
    assert [item["metadata"]["labels"]["task-id"] for item in (await world.jobs()).values()] == ["2"]
    if gone:
        await world.writer.create(CONFIGMAPS, templates("claude"))
    else:
        await world.platform.restore_templates("claude")
    await world.round()
    assert (await world.run(stalled))["status"]["phase"] == "Running"
    assert len(await world.jobs()) == 2


@pytest.mark.parametrize(
    ("order", "ends"),
    [
        (Order(task=9, agent="Cipher", work=60, exits=("1", "0")), ["FailureTarget", "Failed"]),
        (Order(task=9, agent="Cipher", work=60, empty_attempts=1), ["SuccessCriteriaMet", "Complete"]),
    ],
    ids=["failed", "no pull request"],
)
async def test_an_attempt_without_a_result_is_retried_by_another_job(world, order, ends):
    """The Job is deleted, contextVersion grows, and the status stays as it was until the next Job is made."""
    await world.platform.order([order])
    await world.round()
    await world.round(after=60)
    first = await world.job()
    assert [each["type"] for each in first["status"]["conditions"]] == ends
    before = (await world.run(order))["status"]
    await world.platform.reconcile()
    run = await world.run(order)
    assert (run["spec"]["contextVersion"], run["status"]) == (2, before)
    assert (before["jobName"], before["phase"], before["retryCount"]) == (first["metadata"]["name"], "Running", 0)
    assert await world.jobs() == {}
    await world.round(after=10)
    second = await world.job()
    assert second["metadata"]["labels"]["context-version"] == "2"
    assert second["metadata"]["name"].endswith("-v2")
    assert (await world.run(order))["status"]["jobName"] == second["metadata"]["name"]
    await world.round(after=60)
    await world.round()
    assert (await world.run(order))["status"]["phase"] == "Succeeded"


async def test_a_run_whose_attempts_all_fail_is_retried_without_end(world):
    """The count of retries stays 0, so that its limit is never met."""
    order = Order(task=9, agent="Cipher", work=60, exits=("1",))
    await world.platform.order([order])
    for _ in range(60):
        await world.round(after=30)
    run = await world.run(order)
    assert run["spec"]["contextVersion"] > 10
    assert (run["status"]["phase"], run["status"]["retryCount"]) == ("Running", 0)


async def test_a_hanging_agent_changes_no_status(world):
    """The second incident: hours after the work both objects are as they were while the agent worked."""
    order = Order(task=3, agent="Tess", cli="factory", work=420, exits=("never",))
    await world.platform.order([order])
    await world.round()
    await world.round(after=60)
    before = (await world.run(order))["status"], (await world.job())["status"]
    await world.round(after=420)
    await world.round(after=3600)
    assert ((await world.run(order))["status"], (await world.job())["status"]) == before
    assert (before[0]["workCompleted"], before[1]["active"], before[1]["ready"]) == (False, 1, 1)


async def test_a_deadline_ends_a_job_that_hangs(world):
    """As the Job controller does it: the pod goes first, then the Job has Failed."""
    await world.platform.order([Order(task=3, agent="Tess", work=420, exits=("never",))])
    await world.round()
    await world.round(after=420)
    path = f"{JOBS}/{(await world.job())['metadata']['name']}"
    await world.writer.patch(path, {"spec": {"activeDeadlineSeconds": 3600}})
    await world.round()
    assert (await world.job())["status"]["active"] == 1
    await world.writer.patch(path, {"spec": {"activeDeadlineSeconds": 1}})
    for terminating, ends in ((1, ["FailureTarget"]), (0, ["FailureTarget", "Failed"])):
        await world.workers.advance()
        status = (await world.job())["status"]
        assert (status["terminating"], [each["type"] for each in status["conditions"]]) == (terminating, ends)
        assert {each["reason"] for each in status["conditions"]} == {"DeadlineExceeded"}


@pytest.mark.parametrize(("word", "active"), [("no-pod", None), ("pending", 1)])
async def test_a_job_whose_pod_never_runs_stays_unfinished(world, word, active):
    """Quota: `active` is absent. A pod that cannot start: active and never ready."""
    await world.platform.order([Order(task=3, agent="Tess", work=60, exits=(word,))])
    for _ in range(4):
        await world.round(after=600)
    status = (await world.job())["status"]
    assert (status.get("active"), status["ready"], "conditions" in status) == (active, 0, False)


async def test_an_operator_repairs_a_hanging_job(world):
    """Once its leftover process is ended, the Job completes and the run has Succeeded; the other one hangs on."""
    orders = [Order(task=task, agent="Tess", work=420, exits=("never",)) for task in (3, 4)]
    await world.platform.order(orders)
    await world.round()
    await world.round(after=420)
    await world.platform.end_leftovers(orders[:1])
    await world.round()
    await world.round()
    assert [(await world.run(order))["status"]["phase"] for order in orders] == ["Succeeded", "Running"]


async def test_a_job_that_is_deleted_by_hand_is_made_again(world):
    """The run is not over, so that the next round makes the Job of the same attempt."""
    await world.platform.order([REX])
    await world.round()
    uid = (await world.job())["metadata"]["uid"]
    await world.platform.delete_jobs([REX])
    await world.round()
    assert (await world.job())["metadata"]["uid"] != uid
    assert (await world.run(REX))["status"]["phase"] == "Running"


async def test_a_deleted_run_is_let_go(world):
    """The controller takes its finalizer away, so that a run deleted by hand vanishes."""
    await world.platform.order([REX])
    await world.round()
    await world.writer.delete(f"{RUNS}/{REX.name}")
    assert (await world.run(REX))["metadata"]["deletionTimestamp"]
    await world.round()
    assert await world.run(REX) is None


async def test_what_the_server_refuses_is_an_error_with_its_reason(world):
    """A refusal names method, path, status and the server's own message; deleting what is gone is no refusal."""
    await world.platform.order([REX])
    with pytest.raises(
        WriterError, match=r"POST /apis/agents.platform/v1/.*/coderuns: 409 .*already exists"
    ) as caught:
        await world.platform.order([REX])
    assert caught.value.status == 409
    await world.writer.delete(f"{RUNS}/nobody")
    with pytest.raises(WriterError, match="404"):
        await world.writer.items("/apis/nowhere/v1/things")
    with pytest.raises(WriterError, match="404"):
        await world.writer.ensure("/apis/nowhere/v1/things", {"metadata": {"name": "x"}})


async def test_a_real_servers_token_goes_with_every_request():
    """Headers that are given once are sent with every request, so that a real API server lets the demo in."""
    server = StandInApiServer(token="secret")
    url = await server.start()
    try:
        async with Writer(base_url=url, headers={"Authorization": "Bearer secret"}) as writer:
            assert await writer.items("/api/v1/namespaces")
        async with Writer(base_url=url) as writer:
            with pytest.raises(WriterError, match="401"):
                await writer.items("/api/v1/namespaces")
    finally:
        await server.stop()
    async with Writer(base_url=url) as writer:
        with pytest.raises(aiohttp.ClientError):
            await writer.items("/api/v1/namespaces")


def test_a_job_name_is_no_longer_than_a_label_may_be():
    """The namespace in it is cut; the end, which differs between two attempts, is kept."""
    names = set()
    for attempt in (1, 2):
        run = coderun(Order(task=12345, agent="Implementation"))
        run["metadata"]["uid"] = "12345678-1234"
        run["spec"]["contextVersion"] = attempt
        names.add(job(run)["metadata"]["name"])
    assert {len(name) for name in names} == {63}
    assert {name[-12:] for name in names} == {"-12345678-v1", "-12345678-v2"}
