"""The simulated platform changes objects as the real one did. It uses only the API server, over HTTP."""

import aiohttp
import pytest

from lab.apiserver import StandInApiServer
from lab.clock import seconds_of
from lab.platform.controller import CONFIGMAPS, JOBS, RUNS, Platform
from lab.platform.jobs import job
from lab.platform.manifests import TEMPLATES, RunSpec, coderun, configmap_name, templates
from lab.platform.workers import Workers
from lab.platform.writer import Writer, WriterError

NOON = seconds_of("2026-03-04T12:00:00Z")
REX = RunSpec(task=2, agent="Rex", work_seconds=300)
FINALIZERS = ["coderuns.orchestrator.io/finalizer"]


class Simulation:
    """A stand-in API server with the platform installed, and a clock that the test sets."""

    def __init__(self, writer):
        self.now = NOON
        self.writer = writer
        self.platform = Platform(writer=writer, clock=lambda: self.now)
        self.workers = Workers(writer=writer, clock=lambda: self.now)

    async def round(self, *, after=0.0):
        """Advances the clock by `after` seconds. Then the controller and the Jobs each run once."""
        self.now += after
        await self.platform.reconcile()
        await self.workers.advance()

    async def run(self, order):
        """The CodeRun of this order."""
        return await self.writer.read(f"{RUNS}/{order.name}")

    async def jobs(self):
        """The Jobs by name."""
        return {item["metadata"]["name"]: item for item in await self.writer.items(JOBS)}

    async def job(self):
        """The only Job."""
        (item,) = (await self.jobs()).values()
        return item


@pytest.fixture
async def simulation():
    """The platform on a new API server."""
    server = StandInApiServer(clock=lambda: NOON)
    url = await server.start()
    try:
        async with Writer(base_url=url) as writer:
            simulation = Simulation(writer)
            await simulation.platform.install()
            yield simulation
    finally:
        await server.stop()


async def test_the_six_configmaps_are_installed_once(simulation):
    """They have data and binaryData with the platform's keys. A second installation changes nothing."""
    before = await simulation.writer.items(CONFIGMAPS)
    await simulation.platform.install()
    assert await simulation.writer.items(CONFIGMAPS) == before
    assert {item["metadata"]["name"] for item in before} == {configmap_name(kind) for kind in TEMPLATES}
    claude = await simulation.writer.read(f"{CONFIGMAPS}/controller-agent-templates-claude")
    assert set(claude["data"]) == {"code_claude_memory.md.hbs", "code_claude_settings.json.hbs"}
    assert set(claude["binaryData"]) == {"code_claude_container.sh.hbs"}
    assert all(item["data"] for item in before)


async def test_a_run_creates_a_job_and_finishes_after_it(simulation):
    """The run has a finalizer and is Running with the jobName. It has Succeeded after the Job is Complete."""
    await simulation.platform.order([REX])
    assert "status" not in await simulation.run(REX)
    await simulation.round()
    run, job = await simulation.run(REX), await simulation.job()
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
    await simulation.round(after=299)
    assert ((await simulation.job())["status"]["active"], (await simulation.job())["status"]["ready"]) == (1, 1)
    await simulation.round(after=1)
    done = (await simulation.job())["status"]
    assert (done["completionTime"], done["succeeded"], "active" in done) == ("2026-03-04T12:05:00Z", 1, False)
    assert (await simulation.run(REX))["status"]["workCompleted"] is False
    await simulation.round()
    status = (await simulation.run(REX))["status"]
    assert (status["phase"], status["workCompleted"], status["finishedAt"]) == (
        "Succeeded",
        True,
        done["completionTime"],
    )


async def test_the_job_of_a_succeeded_run_is_deleted_after_a_minute(simulation):
    """It is deleted at expireAt and not earlier. The field cleanupCompletedAt has the time."""
    await simulation.platform.order([REX])
    for after in (0, 300, 0, 59):
        await simulation.round(after=after)
    assert "cleanupCompletedAt" not in (await simulation.run(REX))["status"]
    assert await simulation.jobs()
    await simulation.round(after=1)
    assert not await simulation.jobs()
    status = (await simulation.run(REX))["status"]
    assert (status["expireAt"], status["cleanupCompletedAt"]) == ("2026-03-04T12:06:00Z", "2026-03-04T12:06:00Z")


@pytest.mark.parametrize("gone", [False, True], ids=["empty", "missing"])
async def test_without_templates_a_run_has_no_job_and_no_status(simulation, gone):
    """It has only a finalizer, as in the first incident. With the templates, the next attempt creates the Job."""
    await simulation.platform.lose_templates("claude")
    if gone:
        await simulation.writer.delete(f"{CONFIGMAPS}/controller-agent-templates-claude")
    stalled = RunSpec(task=1, agent="Rex")
    await simulation.platform.order([stalled, RunSpec(task=2, agent="Rex", cli="codex")])
    for _ in range(3):
        await simulation.round(after=20)
    run = await simulation.run(stalled)
    assert (run["metadata"]["finalizers"], "status" in run) == (FINALIZERS, False)
    assert [item["metadata"]["labels"]["task-id"] for item in (await simulation.jobs()).values()] == ["2"]
    if gone:
        await simulation.writer.create(CONFIGMAPS, templates("claude"))
    else:
        await simulation.platform.restore_templates("claude")
    await simulation.round()
    assert (await simulation.run(stalled))["status"]["phase"] == "Running"
    assert len(await simulation.jobs()) == 2


@pytest.mark.parametrize(
    ("order", "ends"),
    [
        (RunSpec(task=9, agent="Cipher", work_seconds=60, exits=("1", "0")), ["FailureTarget", "Failed"]),
        (RunSpec(task=9, agent="Cipher", work_seconds=60, empty_attempts=1), ["SuccessCriteriaMet", "Complete"]),
    ],
    ids=["failed", "no pull request"],
)
async def test_an_attempt_without_a_result_is_retried_by_another_job(simulation, order, ends):
    """The Job is deleted and contextVersion is incremented. The status changes when the next Job is created."""
    await simulation.platform.order([order])
    await simulation.round()
    await simulation.round(after=60)
    first = await simulation.job()
    assert [each["type"] for each in first["status"]["conditions"]] == ends
    before = (await simulation.run(order))["status"]
    await simulation.platform.reconcile()
    run = await simulation.run(order)
    assert (run["spec"]["contextVersion"], run["status"]) == (2, before)
    assert (before["jobName"], before["phase"], before["retryCount"]) == (first["metadata"]["name"], "Running", 0)
    assert await simulation.jobs() == {}
    await simulation.round(after=10)
    second = await simulation.job()
    assert second["metadata"]["labels"]["context-version"] == "2"
    assert second["metadata"]["name"].endswith("-v2")
    assert (await simulation.run(order))["status"]["jobName"] == second["metadata"]["name"]
    await simulation.round(after=60)
    await simulation.round()
    assert (await simulation.run(order))["status"]["phase"] == "Succeeded"


async def test_a_run_whose_attempts_all_fail_is_retried_indefinitely(simulation):
    """The field retryCount remains 0, so that its limit is never reached."""
    order = RunSpec(task=9, agent="Cipher", work_seconds=60, exits=("1",))
    await simulation.platform.order([order])
    for _ in range(60):
        await simulation.round(after=30)
    run = await simulation.run(order)
    assert run["spec"]["contextVersion"] > 10
    assert (run["status"]["phase"], run["status"]["retryCount"]) == ("Running", 0)


async def test_a_hanging_agent_changes_no_status(simulation):
    """This is the second incident: hours after the work, both objects are as they were during the work."""
    order = RunSpec(task=3, agent="Tess", cli="factory", work_seconds=420, exits=("never",))
    await simulation.platform.order([order])
    await simulation.round()
    await simulation.round(after=60)
    before = (await simulation.run(order))["status"], (await simulation.job())["status"]
    await simulation.round(after=420)
    await simulation.round(after=3600)
    assert ((await simulation.run(order))["status"], (await simulation.job())["status"]) == before
    assert (before[0]["workCompleted"], before[1]["active"], before[1]["ready"]) == (False, 1, 1)


async def test_a_deadline_ends_a_hanging_job(simulation):
    """The Job controller does the same: first the pod terminates, then the Job has Failed."""
    await simulation.platform.order([RunSpec(task=3, agent="Tess", work_seconds=420, exits=("never",))])
    await simulation.round()
    await simulation.round(after=420)
    path = f"{JOBS}/{(await simulation.job())['metadata']['name']}"
    await simulation.writer.patch(path, {"spec": {"activeDeadlineSeconds": 3600}})
    await simulation.round()
    assert (await simulation.job())["status"]["active"] == 1
    await simulation.writer.patch(path, {"spec": {"activeDeadlineSeconds": 1}})
    for terminating, ends in ((1, ["FailureTarget"]), (0, ["FailureTarget", "Failed"])):
        await simulation.workers.advance()
        status = (await simulation.job())["status"]
        assert (status["terminating"], [each["type"] for each in status["conditions"]]) == (terminating, ends)
        assert {each["reason"] for each in status["conditions"]} == {"DeadlineExceeded"}


@pytest.mark.parametrize(("word", "active"), [("no-pod", None), ("pending", 1)])
async def test_a_job_without_a_running_pod_does_not_finish(simulation, word, active):
    """`active` is absent if a quota prevents the pod. If the pod cannot start, `active` is 1 and `ready` is 0."""
    await simulation.platform.order([RunSpec(task=3, agent="Tess", work_seconds=60, exits=(word,))])
    for _ in range(4):
        await simulation.round(after=600)
    status = (await simulation.job())["status"]
    assert (status.get("active"), status["ready"], "conditions" in status) == (active, 0, False)


async def test_a_hanging_job_completes_once_its_processes_are_ended(simulation):
    """The run has Succeeded then. The other Job still hangs."""
    orders = [RunSpec(task=task, agent="Tess", work_seconds=420, exits=("never",)) for task in (3, 4)]
    await simulation.platform.order(orders)
    await simulation.round()
    await simulation.round(after=420)
    await simulation.platform.end_leftovers(orders[:1])
    await simulation.round()
    await simulation.round()
    assert [(await simulation.run(order))["status"]["phase"] for order in orders] == ["Succeeded", "Running"]


async def test_a_deleted_job_is_created_again(simulation):
    """The run has not finished, so that the next round creates the Job of the same attempt."""
    await simulation.platform.order([REX])
    await simulation.round()
    uid = (await simulation.job())["metadata"]["uid"]
    await simulation.platform.delete_jobs([REX])
    await simulation.round()
    assert (await simulation.job())["metadata"]["uid"] != uid
    assert (await simulation.run(REX))["status"]["phase"] == "Running"


async def test_a_run_that_is_deleted_is_removed(simulation):
    """The controller removes its finalizer."""
    await simulation.platform.order([REX])
    await simulation.round()
    await simulation.writer.delete(f"{RUNS}/{REX.name}")
    assert (await simulation.run(REX))["metadata"]["deletionTimestamp"]
    await simulation.round()
    assert await simulation.run(REX) is None


async def test_a_rejected_request_is_an_error(simulation):
    """It has the method, path, status and message. To delete an object that does not exist is not an error."""
    await simulation.platform.order([REX])
    with pytest.raises(
        WriterError, match=r"POST /apis/agents.platform/v1/.*/coderuns: 409 .*already exists"
    ) as caught:
        await simulation.platform.order([REX])
    assert caught.value.status == 409
    await simulation.writer.delete(f"{RUNS}/nobody")
    with pytest.raises(WriterError, match="404"):
        await simulation.writer.items("/apis/nowhere/v1/things")
    with pytest.raises(WriterError, match="404"):
        await simulation.writer.ensure("/apis/nowhere/v1/things", {"metadata": {"name": "x"}})


async def test_the_headers_are_sent_with_every_request():
    """A real API server needs a token."""
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


def test_a_job_name_fits_into_a_label():
    """The namespace in it is truncated. The end, which differs between attempts, is kept."""
    names = set()
    for attempt in (1, 2):
        run = coderun(RunSpec(task=12345, agent="Implementation"))
        run["metadata"]["uid"] = "12345678-1234"
        run["spec"]["contextVersion"] = attempt
        names.add(job(run)["metadata"]["name"])
    assert {len(name) for name in names} == {63}
    assert {name[-12:] for name in names} == {"-12345678-v1", "-12345678-v2"}
