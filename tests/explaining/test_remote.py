"""`explain --from`: TLS and credentials as users of kubectl and curl expect, and an exporter that lies."""

import json

import pytest
from aiohttp import web

from exporter.commands import explain
from tests.commands.in_process import call_in_thread
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run
from tests.web.protected import PASSWORD, TLS, USERS, Folder
from tests.web.serving import Site, a_site
from tests.web.token_reviewer import TokenReviewer

RUN = a_run(status={"phase": "Succeeded"})


def a_site_with(**more):
    """A site with a run that is over while its Job is not."""
    site = Site()
    site.cache = StoreHarness(RUN, a_job(), now=CREATED + 7200).cache
    return a_site(site, **more)


async def test_over_tls_with_a_password(tmp_path):
    """The authority is named, the password is in a file."""
    folder = Folder(tmp_path)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    user = ("--user", "prometheus", "--password-file", tmp_path / "password")
    async with a_site_with(web_file=folder.load({"tls_server_config": TLS}, USERS)) as site:
        trusting = ("explain", "n/r", "--from", site.url, "--certificate-authority", tmp_path / "ca.crt")
        code, out, err = await call_in_thread(*trusting, *user)
        assert err == ""
        assert code == 1
        assert "run_already_finished" in out
        insecure = ("explain", "n/r", "--from", site.url, "--insecure-skip-tls-verify", *user)
        assert (await call_in_thread(*insecure))[0] == 1
        code, _, err = await call_in_thread(*trusting)
        assert (code, err) == (2, f"coderun-exporter: {site.url}: Unauthorized; see --token-file and --user\n")
        code, _, err = await call_in_thread("explain", "n/r", "--from", site.url, *user)
        assert code == 2
        assert "certificate does not verify" in err
        assert PASSWORD not in err


async def test_with_a_token(tmp_path):
    """In a file as well."""
    (tmp_path / "token").write_text("good")
    async with a_site_with(reviews=TokenReviewer().reviews()) as site:
        words = ("explain", "--from", site.url, "--all", "-o", "json", "--token-file", tmp_path / "token")
        code, out, _ = await call_in_thread(*words)
    assert code == 1
    assert [run["name"] for run in json.loads(out)["items"]] == ["r"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"text": "<html>", "content_type": "text/html"}, "HTTP status 200"),
        ({"text": '{"name": 7}', "content_type": "application/json"}, "not an answer of this API"),
        ({"text": "{", "content_type": "application/json"}, "not an answer of this API"),
        ({"text": '{"namespace": 1}', "content_type": "application/json"}, "not an answer of this API"),
        ({"text": "{}", "content_type": "application/json"}, "not an answer of this API"),
        ({"text": "a\x1b[31mb\nc", "status": 500}, "a\\x1b[31mb"),
        ({"text": "", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "HTTP status 302"),
    ],
)
async def test_another_server_is_one_line(answer, words):
    """Without what a terminal would obey."""

    async def handler(_):
        return web.Response(**answer)

    app = web.Application()
    app.router.add_get("/{rest:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        code, out, err = await call_in_thread("explain", "--from", f"http://127.0.0.1:{port}", "x")
    finally:
        await runner.cleanup()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


async def test_a_watch_repeats_until_it_is_interrupted(monkeypatch):
    """And survives that the exporter is away."""
    turns = []

    def sleep(_):
        turns.append(1)
        if len(turns) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(explain.time, "sleep", sleep)
    async with a_site_with() as site:
        code, out, _ = await call_in_thread("explain", "--from", site.url, "--all", "--watch")
    assert code == 130
    assert out.count("run_already_finished") == 2


@pytest.mark.parametrize(("took", "pause"), [(0.1, 2.0), (3.0, 15.0), (100.0, 60.0)])
def test_a_watch_leaves_the_server_time(took, pause):
    """A slow answer is requested less often, but at least once a minute."""
    assert explain.pause_after(took) == pause
