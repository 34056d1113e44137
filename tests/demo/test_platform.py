"""The simulated platform does to a cluster what the real one did, over HTTP and by the objects alone."""

import aiohttp
import pytest

from exporter.demo.agents import Agents
from exporter.demo.apiserver import StandInApiServer
from exporter.demo.clock import seconds_of
from exporter.demo.manifests import TEMPLATES, Order, coderun, configmap_name, job, templates
from exporter.demo.platform import CONFIGMAPS, JOBS, RUNS, Platform
from exporter.demo.workers import Workers
from exporter.demo.writer import Writer, WriterError

NOON = seconds_of("2026-03-04T12:00:00Z")


class World:
    """A stand-in API server with the platform installed, and a clock that the test turns."""

    def __init__(self, writer):
        self.now = NOON
        self.writer = writer
        self.platform = Platform(writer=writer, clock=lambda: self.now)
        self.workers = Workers(writer=writer, clock=lambda: self.now)
        self.agents = Agents(writer=writer, clock=lambda: self.now)

    async def round(self, *, after=0.0):
        """One round of the controller and of the Jobs, some seconds later."""
        self.now += after
        await self.platform.reconcile()
        await self.workers.advance()
        await self.agents.advance()

    async def run(self, name):
        """The CodeRun of that name."""
        return await self.writer.read(f"{RUNS}/{name}")

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
    """Finalizer, Job, status Running with jobName, start; after the work Complete, and the run has Succeeded."""
    await world.platform.order([Order(task=2, agent="Rex", work=300)])
    assert "status" not in await world.run("task-2-rex")
    await world.round()
    run, job = await world.run("task-2-rex"), await world.job()
    assert run["metadata"]["finalizers"] == ["agents.platform/cleanup"]
    assert run["status"] == {
        "phase": "Running",
        "message": "Job created",
        "jobName": job["metadata"]["name"],
        "lastUpdate": "2026-03-04T12:00:00Z",
    }
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (run["metadata"]["uid"], True)
    assert job["status"] == {"startTime": "2026-03-04T12:00:00Z", "active": 1, "ready": 1}
    await world.round(after=299)
    assert (await world.job())["status"]["active"] == 1
    await world.round(after=1)
    done = (await world.job())["status"]
    assert (done["completionTime"], done["succeeded"], "active" in done) == ("2026-03-04T12:05:00Z", 1, False)
    assert [item["type"] for item in done["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    await world.round()
    assert (await world.run("task-2-rex"))["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize("gone", [False, True], ids=["empty", "missing"])
async def test_without_templates_a_run_stays_without_job_and_without_status(world, gone):
    """The incident: a finalizer and nothing else, for as long as it lasts; then the next try makes the Job."""
    await world.platform.lose_templates("claude")
    if gone:
        await world.writer.delete(f"{CONFIGMAPS}/controller-agent-templates-claude")
    await world.platform.order([Order(task=1, agent="Rex"), Order(task=2, agent="Rex", cli="codex")])
    for _ in range(3):
        await world.round(after=600)
    run = await world.run("task-1-rex")
    assert (run["metadata"]["finalizers"], "status" in run) == (["agents.platform/cleanup"], False)
    assert [item["metadata"]["labels"]["task-id"] for item in (await world.jobs()).values()] == ["2"]
    if gone:
        await world.writer.create(CONFIGMAPS, templates("claude"))
    else:
        await world.platform.restore_templates("claude")
    await world.round()
    assert (await world.run("task-1-rex"))["status"]["phase"] == "Running"
    assert len(await world.jobs()) == 2


async def test_a_failed_attempt_is_retried_by_another_job(world):
    """The Job is deleted, contextVersion grows, and the run stays Running with a stale jobName in between."""
    await world.platform.order([Order(task=9, agent="Cipher", work=60, exits=("1", "0"))])
    await world.round()
    first = await world.job()
    await world.round(after=60)
    conditions = [(each["type"], each["reason"]) for each in (await world.job())["status"]["conditions"]]
    assert conditions == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
    assert "completionTime" not in (await world.job())["status"]
    await world.platform.reconcile()
    run = await world.run("task-9-cipher")
    assert (run["spec"]["contextVersion"], run["status"]["phase"]) == (2, "Running")
    assert run["status"]["jobName"] == first["metadata"]["name"]
    assert await world.jobs() == {}
    await world.round(after=10)
    second = await world.job()
    assert second["metadata"]["labels"]["context-version"] == "2"
    assert second["metadata"]["name"].endswith("-v2")
    await world.round(after=60)
    await world.round()
    assert (await world.run("task-9-cipher"))["status"]["phase"] == "Succeeded"


async def test_a_run_whose_attempts_all_fail_has_failed(world):
    """Two attempts, then the phase Failed; its last Job stays."""
    await world.platform.order([Order(task=9, agent="Cipher", work=60, exits=("1",))])
    for _ in range(6):
        await world.round(after=60)
    assert (await world.run("task-9-cipher"))["status"]["phase"] == "Failed"
    assert (await world.job())["metadata"]["labels"]["context-version"] == "2"


async def test_a_hanging_agent_reports_success_and_stays(world):
    """The second incident: workCompleted once, with its time, and the Job active for as long as nobody ends it."""
    order = Order(task=3, agent="Tess", cli="factory", work=420, exits=("never",))
    await world.platform.order([order])
    await world.round()
    await world.round(after=420)
    await world.round(after=3600)
    status = (await world.run("task-3-tess"))["status"]
    assert (status["workCompleted"], status["lastUpdate"]) == (True, "2026-03-04T12:07:00Z")
    assert (status["phase"], (await world.job())["status"]["active"]) == ("Running", 1)


async def test_a_deadline_ends_a_job_that_hangs(world):
    """As the Job controller does it; one that has time left goes on."""
    await world.platform.order([Order(task=3, agent="Tess", work=420, exits=("never",))])
    await world.round()
    await world.round(after=420)
    path = f"{JOBS}/{(await world.job())['metadata']['name']}"
    await world.writer.patch(path, {"spec": {"activeDeadlineSeconds": 3600}})
    await world.round()
    assert (await world.job())["status"]["active"] == 1
    await world.writer.patch(path, {"spec": {"activeDeadlineSeconds": 1}})
    await world.workers.advance()
    ends = [(each["type"], each["reason"]) for each in (await world.job())["status"]["conditions"]]
    assert ends == [("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")]


@pytest.mark.parametrize("mended", ["end_leftovers", "delete_jobs"])
async def test_an_operator_mends_a_hanging_job(world, mended):
    """By ending what is left over, so that the Job completes, or by deleting the Job: the run has Succeeded."""
    orders = [Order(task=task, agent="Tess", work=420, exits=("never",)) for task in (3, 4)]
    await world.platform.order(orders)
    await world.round()
    await world.round(after=420)
    await getattr(world.platform, mended)(orders[:1])
    await world.round()
    await world.round()
    assert (await world.run("task-3-tess"))["status"]["phase"] == "Succeeded"
    assert (await world.run("task-4-tess"))["status"]["phase"] == "Running"
    conditions = {
        item["metadata"]["labels"]["task-id"]: [each["type"] for each in item["status"].get("conditions", ())]
        for item in (await world.jobs()).values()
    }
    assert conditions == {"4": []} | ({"3": ["SuccessCriteriaMet", "Complete"]} if mended == "end_leftovers" else {})


async def test_a_deleted_run_is_let_go(world):
    """The controller takes its finalizer away, so that a run deleted by hand vanishes."""
    await world.platform.order([Order(task=2, agent="Rex")])
    await world.round()
    await world.writer.delete(f"{RUNS}/task-2-rex")
    assert (await world.run("task-2-rex"))["metadata"]["deletionTimestamp"]
    await world.round()
    assert await world.run("task-2-rex") is None


async def test_what_the_server_refuses_is_told_with_its_reason(world):
    """A refusal names method, path, status and the server's own message; deleting what is gone is no refusal."""
    await world.platform.order([Order(task=2, agent="Rex")])
    with pytest.raises(
        WriterError, match=r"POST /apis/agents.platform/v1/.*/coderuns: 409 .*already exists"
    ) as caught:
        await world.platform.order([Order(task=2, agent="Rex")])
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
    """A long name is cut and ends in a hash, so that two attempts never share one."""
    names = set()
    for attempt in (1, 2):
        run = coderun(Order(task=1, agent="Rex"))
        run["metadata"] |= {"name": "a-run-with-quite-a-long-name-of-its-own", "uid": "12345678-1234"}
        run["spec"]["contextVersion"] = attempt
        names.add(job(run)["metadata"]["name"])
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)
