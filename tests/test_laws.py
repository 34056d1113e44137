"""Tests the invariants of docs/architecture.md about unknown and missing data, over real connections."""

import asyncio

from exporter.config import ConfigMaps, Settings
from lab.platform.manifests import custom_resource
from tests.clusters import CONFIGMAPS, NAMESPACE, a_configmap, a_job, a_run, a_server, a_status, port_of, until
from tests.exporting import an_exporter, metrics_of, readiness, reject_requests, short_intervals, start_page, state_of

__all__ = ["short_intervals"]

RUN_FAMILIES = {"coderun_created_timestamp", "coderun_phase", "coderun_info", "coderun_attempt"}
JOINED = {"coderun_job_name", "coderun_stall_cause", "job_info"}
ONE_CONFIGMAP = ConfigMaps(required=("templates",))


def forbidden():
    """A 403 response."""
    return a_status(403, "User cannot list")


async def test_no_family_is_exposed_before_the_initial_lists_that_it_needs_are_complete(tmp_path):
    """While Jobs are being listed, families of runs alone are exposed, and no run is reported without a Job."""
    held = asyncio.Event()
    async with a_server(a_run("r"), a_job("j")) as server:

        async def intercept(request):
            if "jobs" in request.path:
                await held.wait()

        server.intercept = intercept
        async with an_exporter(server.url, tmp_path, configmaps=ONE_CONFIGMAP) as app:
            await until(lambda: state_of(app, "coderuns") == ["watching"])
            page = await metrics_of(app)
            assert set(page.families) >= RUN_FAMILIES
            assert not JOINED & set(page.families)
            assert "job_active" not in page.families
            status, text = await readiness(app)
            assert (status, text.splitlines()[-1]) == (503, "not ready: waiting for jobs")
            held.set()
            await until(app.health.is_ready)
            assert set((await metrics_of(app)).families) >= JOINED


async def test_a_scrape_during_the_initial_list_is_answered_at_once(tmp_path):
    """It contains the exporter's own metrics, which explain why the others are absent."""
    async with a_server(a_run("r")) as server:

        async def intercept(_):
            await asyncio.sleep(60)

        server.intercept = intercept
        async with an_exporter(server.url, tmp_path) as app:
            async with asyncio.timeout(1):
                page = await metrics_of(app)
        assert page.state("coderuns") == "syncing"
        assert not set(page.families) & (RUN_FAMILIES | JOINED | {"configmap_health"})
        assert page.values("coderun_exporter_build_info") == [1]


async def test_forbidden_jobs_are_unknown_and_not_absent(tmp_path):
    """No run is reported without a Job. After the permission is granted, the Jobs are exposed."""
    async with a_server(a_run("r"), a_job("j")) as server:
        reject_requests(server, forbidden, "/apis/batch")
        async with an_exporter(server.url, tmp_path) as app:
            await until(lambda: state_of(app, "jobs") == ["forbidden"] and state_of(app, "coderuns") == ["watching"])
            page = await metrics_of(app)
            assert page.state("jobs") == "forbidden"
            assert page.values("coderun_job_name") == []
            assert page.values("coderun_stall_cause") == []
            assert page.values("coderun_created_timestamp", coderun="r")
            status, text = await readiness(app)
            assert status == 503
            assert "[-] jobs: forbidden\n" in text
            assert "403 at /apis/batch/v1/jobs: User cannot list" in await start_page(app)
            server.intercept = None
            await until(app.health.is_ready)
            page = await metrics_of(app)
            assert page.values("coderun_job_name", job_name="j") == [1]
            assert page.state("jobs") == "watching"


async def test_the_last_complete_data_is_exposed_while_the_api_server_is_down(tmp_path):
    """This includes families of forbidden or missing resources. Afterwards a new list replaces the data."""
    kinds = Settings().coderuns.kinds
    docs = "docsruns.agents.platform"
    async with a_server(a_run("r"), a_job("j"), a_configmap("templates", a="x")) as server:
        reject_requests(server, forbidden, CONFIGMAPS)
        runs = type(Settings().coderuns)(kinds=(*kinds, docs))
        async with an_exporter(server.url, tmp_path, configmaps=ONE_CONFIGMAP, coderuns=runs) as app:
            await until(lambda: app.health.is_ready() and "missing" in state_of(app, "docsruns"))
            await until(lambda: state_of(app, "configmaps") == ["forbidden"])
            await until(lambda: state_of(app, "pods") == ["watching"])  # they are optional, so not part of readiness
            before = await metrics_of(app)
            await server.stop()
            await until(lambda: {status.state for status in app.health.statuses} == {"unreachable"})
            page = await metrics_of(app)
            assert set(page.families) == set(before.families)
            assert page.values("coderun_job_name", coderun="r", job_name="j") == [1]
            assert page.values("configmap_problem", problem="forbidden") == [1]
            assert page.state("coderuns") == "unreachable"
            assert (await readiness(app))[0] == 200
            server.store.delete("coderuns", "r", namespace=NAMESPACE)
            server.load([a_run("s")])
            server.compact()
            server.intercept = None
            await server.start(port=port_of(server))
            await until(lambda: [run.name for run in app.store.cache.runs] == ["s"])
            await until(lambda: state_of(app, "jobs") == ["watching"])  # before that, a Job of the run may exist
            page = await metrics_of(app)
            assert page.labels("coderun_job_name", "coderun") == ["s"]


async def test_a_forbidden_configmap_has_no_health(tmp_path):
    """It has the problem `forbidden` instead, until it can be read."""
    async with a_server(a_configmap("templates", a="x")) as server:
        reject_requests(server, forbidden, CONFIGMAPS)
        async with an_exporter(server.url, tmp_path, configmaps=ONE_CONFIGMAP) as app:
            await until(lambda: state_of(app, "configmaps") == ["forbidden"])
            page = await metrics_of(app)
            assert page.values("configmap_health") == []
            assert page.values("configmap_problem", problem="forbidden", configmap="templates") == [1]
            server.intercept = None
            await until(lambda: state_of(app, "configmaps") == ["watching"])
            page = await metrics_of(app)
            assert page.values("configmap_health") == [1]
            assert page.values("configmap_problem") == []


async def test_a_configmap_that_becomes_forbidden_keeps_its_last_health(tmp_path):
    """It also has the problem `forbidden`, until its watch succeeds again, even without a list."""
    async with (
        a_server(a_configmap("templates", a="x")) as server,
        an_exporter(server.url, tmp_path, configmaps=ONE_CONFIGMAP) as app,
    ):
        await until(lambda: state_of(app, "configmaps") == ["watching"])
        await server.stop()
        reject_requests(server, forbidden, CONFIGMAPS)
        await server.start(port=port_of(server))
        await until(lambda: state_of(app, "configmaps") == ["forbidden"])
        page = await metrics_of(app)
        assert page.values("configmap_health") == [1]
        assert page.values("configmap_problem", problem="forbidden") == [1]
        server.intercept = None
        await until(lambda: state_of(app, "configmaps") == ["watching"])
        page = await metrics_of(app)
        assert page.values("configmap_health") == [1]
        assert page.values("configmap_problem") == []


async def test_a_missing_configmap_is_unhealthy(tmp_path):
    """This holds before its creation, after its deletion, and if it has no data."""
    async with a_server() as server, an_exporter(server.url, tmp_path, configmaps=ONE_CONFIGMAP) as app:

        async def has_values(health, problems):
            """Waits until a scrape has these values. Returns that scrape."""
            async with asyncio.timeout(5):
                while True:
                    page = await metrics_of(app)
                    got = page.values("configmap_health"), page.labels("configmap_problem", "problem")
                    if "configmap_problem" in page.families and got == (health, problems):
                        return page
                    await asyncio.sleep(0.01)

        page = await has_values([0], ["missing"])
        assert page.values("coderun_exporter_resource_objects", resource="configmaps") == [0]
        server.load([a_configmap("templates", a="x")])
        page = await has_values([1], [])
        assert page.values("coderun_exporter_resource_objects", resource="configmaps") == [1]
        server.load([a_configmap("templates")])
        await has_values([0], ["empty"])
        server.store.delete("configmaps", "templates", namespace=NAMESPACE)
        page = await has_values([0], ["missing"])
        assert page.values("coderun_exporter_resource_objects", resource="configmaps") == [0]


async def test_a_forbidden_namespace_does_not_affect_another_namespace(tmp_path):
    """Runs of the forbidden namespace are unknown; none is reported without a Job."""
    others = [a_run("o", namespace="other"), a_job("k", run="o", namespace="other")]
    async with a_server(a_run("r"), *others) as server:
        reject_requests(
            server, forbidden, "/apis/batch/v1/namespaces/other", "/apis/agents.platform/v1/namespaces/other"
        )
        async with an_exporter(
            server.url, tmp_path, namespaces=(NAMESPACE, "other"), configmaps=ONE_CONFIGMAP
        ) as app:
            await until(
                lambda: sorted(state_of(app, "coderuns")) == ["forbidden", "watching"] and app.health.is_ready()
            )
            page = await metrics_of(app)
            assert page.labels("coderun_job_name", "namespace") == [NAMESPACE]
            assert page.state("jobs", "other") == "forbidden"
            assert (await readiness(app))[0] == 200
            server.intercept = None
            await until(lambda: set(state_of(app, "coderuns") + state_of(app, "jobs")) == {"watching"})
            page = await metrics_of(app)
            assert page.values("coderun_job_name", namespace="other", job_name="k") == [1]


async def test_runs_have_no_job_name_series_if_the_jobs_of_their_namespace_are_forbidden(tmp_path):
    """There is no series at all, not even one with an empty `job_name`."""
    async with a_server(a_run("r"), a_run("o", namespace="other")) as server:
        reject_requests(server, forbidden, "/apis/batch/v1/namespaces/other")
        async with an_exporter(
            server.url, tmp_path, namespaces=(NAMESPACE, "other"), configmaps=ONE_CONFIGMAP
        ) as app:
            await until(lambda: app.health.is_ready() and "forbidden" in state_of(app, "jobs"))
            page = await metrics_of(app)
    assert page.labels("coderun_job_name", "coderun") == ["r"]
    assert page.labels("coderun_created_timestamp", "coderun") == ["o", "r"]


async def test_a_second_kind_that_is_not_installed_does_not_affect_the_first(tmp_path):
    """Later platforms have no DocsRun. If its CRD is installed later, its runs are listed."""
    kinds = Settings().coderuns.kinds
    docs = "docsruns.agents.platform"
    runs = type(Settings().coderuns)(kinds=(*kinds, docs))
    async with a_server(a_run("r")) as server, an_exporter(server.url, tmp_path, coderuns=runs) as app:
        await until(lambda: app.health.is_ready() and state_of(app, "docsruns") == ["missing"])
        page = await metrics_of(app)
        assert page.values("coderun_job_name", coderun="r") == [1]
        assert page.values("coderun_exporter_resource_required", resource="docsruns") == [0]
        server.load([custom_resource("DocsRun"), a_run("d") | {"kind": "DocsRun"} | {"metadata": {"name": "d"}}])
        await until(lambda: len(app.store.cache.runs) == 2)
        assert (await metrics_of(app)).labels("coderun_info", "coderun") == ["docsrun/d", "r"]


async def test_a_missing_crd_is_reported_until_it_is_installed(tmp_path):
    """The exporter can be installed before the platform."""
    async with a_server(crds=()) as server, an_exporter(server.url, tmp_path) as app:
        await until(lambda: state_of(app, "coderuns") == ["missing"])
        assert "[-] coderuns: missing\n" in (await readiness(app))[1]
        assert "404 at /apis/agents.platform" in await start_page(app)
        server.load([custom_resource("CodeRun"), a_run("r")])
        await until(app.health.is_ready)
        assert (await metrics_of(app)).labels("coderun_info", "coderun") == ["r"]
