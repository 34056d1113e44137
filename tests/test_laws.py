"""The architecture's laws about what is known and what is not, on a real connection."""

import asyncio

from exporter.config import ConfigMaps, Settings
from lab.platform.manifests import custom_resource
from tests.clusters import CONFIGMAPS, NAMESPACE, a_configmap, a_job, a_run, a_server, a_status, port_of, until
from tests.exporting import an_exporter, impatience, metrics_of, readiness, refuses, start_page, state_of

__all__ = ["impatience"]

RUN_FAMILIES = {"coderun_created_timestamp", "coderun_phase", "coderun_info", "coderun_attempt"}
JOINED = {"coderun_job_name", "coderun_stall_cause", "job_info"}
ONE = ConfigMaps(required=("templates",))


def forbidden():
    """A 403."""
    return a_status(403, "User cannot list")


async def test_no_family_is_shown_before_everything_that_it_needs_was_answered(tmp_path):
    """While Jobs are still being listed, no run is said to lack one; what is of runs alone is there."""
    held = asyncio.Event()
    async with a_server(a_run("r"), a_job("j")) as server:

        async def intercept(request):
            if "jobs" in request.path:
                await held.wait()

        server.intercept = intercept
        async with an_exporter(server.url, tmp_path, configmaps=ONE) as app:
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


async def test_a_scrape_during_the_first_list_answers_at_once(tmp_path):
    """With the exporter's own metrics, so that Prometheus can say why there are no others."""
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


async def test_forbidden_jobs_are_an_unknown_and_not_a_no(tmp_path):
    """No run is said to lack a Job; the reason is a state; when the rights come, so do the Jobs."""
    async with a_server(a_run("r"), a_job("j")) as server:
        refuses(server, forbidden, "/apis/batch")
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


async def test_the_last_good_whole_is_served_while_the_server_is_away(tmp_path):
    """All of it, also the families of what is partly forbidden or missing; then the picture is a fresh list's."""
    kinds = Settings().coderuns.kinds
    docs = "docsruns.agents.platform"
    async with a_server(a_run("r"), a_job("j"), a_configmap("templates", a="x")) as server:
        refuses(server, forbidden, CONFIGMAPS)
        runs = type(Settings().coderuns)(kinds=(*kinds, docs))
        async with an_exporter(server.url, tmp_path, configmaps=ONE, coderuns=runs) as app:
            await until(lambda: app.health.is_ready() and "missing" in state_of(app, "docsruns"))
            await until(lambda: state_of(app, "configmaps") == ["forbidden"])
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
            await until(lambda: state_of(app, "jobs") == ["watching"])  # before that it may have a Job
            page = await metrics_of(app)
            assert page.labels("coderun_job_name", "coderun") == ["s"]


async def test_a_forbidden_configmap_has_no_health(tmp_path):
    """An unknown is not a no: there is a problem of its own for it, until it may be read."""
    async with a_server(a_configmap("templates", a="x")) as server:
        refuses(server, forbidden, CONFIGMAPS)
        async with an_exporter(server.url, tmp_path, configmaps=ONE) as app:
            await until(lambda: state_of(app, "configmaps") == ["forbidden"])
            page = await metrics_of(app)
            assert page.values("configmap_health") == []
            assert page.values("configmap_problem", problem="forbidden", configmap="templates") == [1]
            server.intercept = None
            await until(lambda: state_of(app, "configmaps") == ["watching"])
            page = await metrics_of(app)
            assert page.values("configmap_health") == [1]
            assert page.values("configmap_problem") == []


async def test_a_configmap_that_becomes_forbidden_keeps_the_health_that_was_seen(tmp_path):
    """And says that it can no longer be read; back in a watch, without a list, that ends."""
    async with (
        a_server(a_configmap("templates", a="x")) as server,
        an_exporter(server.url, tmp_path, configmaps=ONE) as app,
    ):
        await until(lambda: state_of(app, "configmaps") == ["watching"])
        await server.stop()
        refuses(server, forbidden, CONFIGMAPS)
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
    """Before it was ever there, when it is deleted, and when it is empty."""
    async with a_server() as server, an_exporter(server.url, tmp_path, configmaps=ONE) as app:

        async def tells(health, problems):
            """Waits until the page says so."""
            async with asyncio.timeout(5):
                while True:
                    page = await metrics_of(app)
                    got = page.values("configmap_health"), page.labels("configmap_problem", "problem")
                    if "configmap_problem" in page.families and got == (health, problems):
                        return page
                    await asyncio.sleep(0.01)

        page = await tells([0], ["missing"])
        assert page.values("coderun_exporter_resource_objects", resource="configmaps") == [0]
        server.load([a_configmap("templates", a="x")])
        page = await tells([1], [])
        assert page.values("coderun_exporter_resource_objects", resource="configmaps") == [1]
        server.load([a_configmap("templates")])
        await tells([0], ["empty"])
        server.store.delete("configmaps", "templates", namespace=NAMESPACE)
        page = await tells([0], ["missing"])
        assert page.values("coderun_exporter_resource_objects", resource="configmaps") == [0]


async def test_of_two_namespaces_the_forbidden_one_does_not_stop_the_other(tmp_path):
    """Its runs are unknown, and nobody is said to lack a Job there."""
    others = [a_run("o", namespace="other"), a_job("k", run="o", namespace="other")]
    async with a_server(a_run("r"), *others) as server:
        refuses(server, forbidden, "/apis/batch/v1/namespaces/other", "/apis/agents.platform/v1/namespaces/other")
        async with an_exporter(server.url, tmp_path, namespaces=(NAMESPACE, "other"), configmaps=ONE) as app:
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


async def test_runs_of_a_namespace_whose_jobs_are_forbidden_have_no_job_name(tmp_path):
    """Neither a name nor an empty one."""
    async with a_server(a_run("r"), a_run("o", namespace="other")) as server:
        refuses(server, forbidden, "/apis/batch/v1/namespaces/other")
        async with an_exporter(server.url, tmp_path, namespaces=(NAMESPACE, "other"), configmaps=ONE) as app:
            await until(lambda: app.health.is_ready() and "forbidden" in state_of(app, "jobs"))
            page = await metrics_of(app)
    assert page.labels("coderun_job_name", "coderun") == ["r"]
    assert page.labels("coderun_created_timestamp", "coderun") == ["o", "r"]


async def test_a_second_kind_that_is_not_installed_blocks_nothing(tmp_path):
    """DocsRun is gone from later platforms; where it comes, it is read from scratch."""
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


async def test_a_missing_crd_is_a_state_and_recovers(tmp_path):
    """The exporter may be installed before the platform."""
    async with a_server(crds=()) as server, an_exporter(server.url, tmp_path) as app:
        await until(lambda: state_of(app, "coderuns") == ["missing"])
        assert "[-] coderuns: missing\n" in (await readiness(app))[1]
        assert "404 at /apis/agents.platform" in await start_page(app)
        server.load([custom_resource("CodeRun"), a_run("r")])
        await until(app.health.is_ready)
        assert (await metrics_of(app)).labels("coderun_info", "coderun") == ["r"]
