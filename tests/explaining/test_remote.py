"""`explain --from`: TLS and credentials as in kubectl and curl, and responses of other servers."""

import json

import pytest
from aiohttp import web

from exporter.commands import explain
from exporter.web import api
from tests.commands.in_process import call_in_thread
from tests.harness import StoreHarness
from tests.objects import CREATED, a_job, a_run
from tests.web.protected import PASSWORD, TLS, USERS, Folder
from tests.web.serving import Site, a_site
from tests.web.token_reviewer import TokenReviewer

RUN = a_run(status={"phase": "Succeeded"})


def site_with_running_job(**more):
    """A site of the exporter with a finished run whose Job is still running."""
    site = Site()
    site.cache = StoreHarness(RUN, a_job(), now=CREATED + 7200).cache
    return a_site(site, **more)


async def test_over_tls_with_a_password(tmp_path):
    """The CA certificate and the password are in files."""
    folder = Folder(tmp_path)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    user = ("--user", "prometheus", "--password-file", tmp_path / "password")
    async with site_with_running_job(web_file=folder.load({"tls_server_config": TLS}, USERS)) as site:
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
    """The token is in a file as well."""
    (tmp_path / "token").write_text("good")
    async with site_with_running_job(reviews=TokenReviewer().reviews()) as site:
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
async def test_a_response_of_another_server_is_one_line(answer, words):
    """Control characters of the response are escaped."""

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


async def test_an_exporter_of_an_older_version_lists_the_open_runs(monkeypatch):
    """It does not know `state=recent`, and says so with status 400. A note says what is missing."""
    monkeypatch.setattr(api, "_STATES", ("open", "all"))
    async with site_with_running_job() as site:
        code, out, err = await call_in_thread("explain", "--from", site.url)
    assert (code, err) == (1, "")
    assert "run_already_finished" in out
    assert "older version" in out


async def test_a_watch_repeats_until_it_is_interrupted(monkeypatch):
    """It continues if the exporter cannot be reached for some time."""
    turns = []

    def sleep(_):
        turns.append(1)
        if len(turns) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(explain.time, "sleep", sleep)
    async with site_with_running_job() as site:
        code, out, _ = await call_in_thread("explain", "--from", site.url, "--all", "--watch")
    assert code == 130
    assert out.count("run_already_finished") == 2


@pytest.mark.parametrize(("took", "pause"), [(0.1, 2.0), (3.0, 15.0), (100.0, 60.0)])
def test_the_pause_of_a_watch_depends_on_the_response_time(took, pause):
    """A slow exporter gets fewer requests, but at least one per minute."""
    assert explain.pause_after(took) == pause
